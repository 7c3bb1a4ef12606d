"""Vocabularies: convert a text to the ids of its characters, bytes, words, or byte-pair-encoding tokens, and back."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np

from dlplug import UserError, nearest

TokenIds = np.ndarray[Any, np.dtype[np.int64]]
VocabularyKind = Literal["characters", "bytes", "bpe"]


class Vocabulary(Protocol):
    """Tokens with the ids 0 to size - 1."""

    size: int

    def encode(self, text: str) -> TokenIds:
        """The ids (T,) of a text's tokens; -1 for a token that is not in the vocabulary."""
        ...

    def decode(self, tokens: Iterable[int]) -> str: ...

    def pieces(self, text: str) -> Sequence[str]:
        """The piece of text of each token, (T,)."""
        ...

    def state(self) -> dict[str, Any]:
        """JSON values from which `from_state` restores the vocabulary."""
        ...


class Characters:
    """The characters of a text, in Unicode's order."""

    def __init__(self, alphabet: str) -> None:
        self.alphabet, self.size = alphabet, len(alphabet)
        self._codes = code_points(alphabet)

    @classmethod
    def of(cls, text: str) -> Characters:
        return cls("".join(sorted(set(text))))

    def encode(self, text: str) -> TokenIds:
        codes = code_points(text)
        place = np.searchsorted(self._codes, codes).clip(max=self.size - 1)
        return np.where(self._codes[place] == codes, place, -1)

    def decode(self, tokens: Iterable[int]) -> str:
        return "".join(self.alphabet[token] for token in tokens)

    def pieces(self, text: str) -> Sequence[str]:
        return text

    def state(self) -> dict[str, Any]:
        return {"kind": "characters", "alphabet": self.alphabet}


def code_points(text: str) -> TokenIds:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)


class Bytes:
    """The 256 byte values of UTF-8: encodes any text, and needs no training."""

    size = 256

    def encode(self, text: str) -> TokenIds:
        return np.frombuffer(text.encode(), np.uint8).astype(np.int64)

    def decode(self, tokens: Iterable[int]) -> str:
        return bytes(tokens).decode(errors="replace")

    def pieces(self, text: str) -> Sequence[str]:
        return [chr(byte) for byte in text.encode()]

    def state(self) -> dict[str, Any]:
        return {"kind": "bytes"}


class BPE:
    """Byte-level byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909), by the library `tokenizers`: the most
    frequent pair becomes a new token until there are `size` tokens. Any text can be encoded and restored exactly."""

    def __init__(self, definition: str) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_str(definition)
        self.size = self._tokenizer.get_vocab_size()

    @classmethod
    def of(cls, texts: Iterable[str], size: int) -> BPE:
        """Trains on texts. size: at least 256 (the bytes); the vocabulary is smaller if no pair is left to merge."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer.to_str())

    def encode(self, text: str) -> TokenIds:
        lines = self._tokenizer.encode_batch_fast(lines_with_ends(text))
        return np.array([token for line in lines for token in line.ids], np.int64)

    def decode(self, tokens: Iterable[int]) -> str:
        return self._tokenizer.decode(list(tokens))

    def pieces(self, text: str) -> Sequence[str]:
        return [self.decode([token]) for token in self.encode(text).tolist()]

    def state(self) -> dict[str, Any]:
        return {"kind": "bpe", "definition": self._tokenizer.to_str()}


class Words:
    """Frequent words and punctuation marks, in lower case; white space is lost."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words, self.size = list(words), len(words)
        self._numbers = {word: number for number, word in enumerate(words)}

    @classmethod
    def of(cls, texts: Iterable[str], min_count: int = 2) -> Words:
        """The words that occur at least `min_count` times in the texts, in alphabetical order."""
        counts = Counter(word for text in texts for word in split_words(text))
        return cls(sorted(word for word, count in counts.items() if count >= min_count))

    def encode(self, text: str) -> TokenIds:
        return np.array([self._numbers.get(word, -1) for word in split_words(text)], np.int64)

    def decode(self, tokens: Iterable[int]) -> str:
        return re.sub(r" ([.,!?;:)])", r"\1", " ".join(self.words[token] for token in tokens))

    def pieces(self, text: str) -> Sequence[str]:
        return split_words(text)

    def state(self) -> dict[str, Any]:
        return {"kind": "words", "words": self.words}


def split_words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text.lower())


def from_state(state: Mapping[str, Any]) -> Vocabulary:
    """Restores a vocabulary from its `state()`. Raises UserError for any other value."""
    match state:
        case {"kind": "characters", "alphabet": alphabet}:
            return Characters(alphabet)
        case {"kind": "bytes"}:
            return Bytes()
        case {"kind": "bpe", "definition": definition}:
            return BPE(definition)
        case {"kind": "words", "words": words}:
            return Words(words)
    raise UserError(f"not a vocabulary: {json.dumps(state)[:80]}")


def build_vocabulary(kind: VocabularyKind, size: int, parts: Mapping[str, str]) -> Vocabulary:
    """The vocabulary of a text's splits. A BPE is learnt from "train" alone; characters are those of all splits, as in
    char-rnn and nanoGPT, so that no held-out character is unknown.

    Raises UserError for an unknown kind, or for a BPE vocabulary of fewer than 256 tokens.
    """
    if kind == "characters":
        return Characters.of("".join(parts.values()))
    if kind == "bytes":
        return Bytes()
    if kind != "bpe":
        raise UserError(f"no vocabulary {kind!r}.{nearest(kind, ('characters', 'bytes', 'bpe'))}")
    check_size(size)
    return BPE.of(lines_with_ends(parts["train"]), size)


def lines_with_ends(text: str) -> list[str]:
    """A text's lines, each with its line feed."""
    return list(io.StringIO(text, newline="\n"))


def check_size(size: int) -> None:
    if size < 256:
        raise UserError(f"--data.vocabulary-size of bpe must be at least the 256 bytes, got {size}")


def encode_checked(vocabulary: Vocabulary, text: str, replace: str = "", advice: str = "") -> TokenIds:
    """The ids (T,) of a text's tokens; unknown ones become that of `replace`.

    advice: end of the error message. Raises UserError naming the unknown tokens if `replace` is empty.
    """
    tokens = vocabulary.encode(text)
    if (tokens >= 0).all():
        return tokens
    lacking = sorted({piece for piece, token in zip(vocabulary.pieces(text), tokens, strict=True) if token < 0})
    if not replace:
        named = ", ".join(map(repr, lacking[:12])) + (f" and {len(lacking) - 12} more" if len(lacking) > 12 else "")
        raise UserError(f"the vocabulary of {vocabulary.size} lacks {named}{advice}")
    substitute = vocabulary.encode(replace)
    if len(substitute) != 1 or substitute[0] < 0:
        raise UserError(f"the replacement must be one token of the vocabulary, got {replace!r}")
    return np.where(tokens < 0, substitute[0], tokens)


def decode_stream(vocabulary: Vocabulary, tokens: Iterator[int]) -> Iterator[str]:
    """Decodes a stream of tokens as it arrives; the bytes of an incomplete character wait for the rest."""
    waiting: list[int] = []
    for token in tokens:
        waiting.append(token)
        text = vocabulary.decode(waiting)
        if not text.endswith("\N{REPLACEMENT CHARACTER}") or len(waiting) == 4:  # UTF-8 takes up to four bytes
            yield text
            waiting = []
    if waiting:
        yield vocabulary.decode(waiting)
