"""What a text is cut into: characters, bytes, words, or the pieces of byte-pair encoding; and the numbers of these."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np

from dlplug import UserError, nearest

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Kind = Literal["characters", "bytes", "bpe"]


class Vocabulary(Protocol):
    """The tokens of a text by their numbers, 0 to size - 1."""

    size: int

    def encode(self, text: str) -> Numbers:
        """The numbers of a text's tokens (T,); -1 stands for what the vocabulary lacks."""
        ...

    def decode(self, tokens: Iterable[int]) -> str: ...

    def pieces(self, text: str) -> Sequence[str]:
        """What each of a text's numbers stands for, (T,)."""
        ...

    def state(self) -> dict[str, Any]:
        """What `restored` makes the same vocabulary of; plain values, to be written as JSON."""
        ...


class Characters:
    """Each character that a text has, in Unicode's order."""

    def __init__(self, alphabet: str) -> None:
        self.alphabet, self.size = alphabet, len(alphabet)
        self._codes = code_points(alphabet)

    @classmethod
    def of(cls, text: str) -> Characters:
        return cls("".join(sorted(set(text))))

    def encode(self, text: str) -> Numbers:
        codes = code_points(text)
        place = np.searchsorted(self._codes, codes).clip(max=self.size - 1)
        return np.where(self._codes[place] == codes, place, -1)

    def decode(self, tokens: Iterable[int]) -> str:
        return "".join(self.alphabet[token] for token in tokens)

    def pieces(self, text: str) -> Sequence[str]:
        return text

    def state(self) -> dict[str, Any]:
        return {"kind": "characters", "alphabet": self.alphabet}


def code_points(text: str) -> Numbers:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)


class Bytes:
    """The 256 bytes that UTF-8 is made of: any text can be written, and nothing is learnt of the text beforehand."""

    size = 256

    def encode(self, text: str) -> Numbers:
        return np.frombuffer(text.encode(), np.uint8).astype(np.int64)

    def decode(self, tokens: Iterable[int]) -> str:
        return bytes(tokens).decode(errors="replace")

    def pieces(self, text: str) -> Sequence[str]:
        return [chr(byte) for byte in text.encode()]

    def state(self) -> dict[str, Any]:
        return {"kind": "bytes"}


class BPE:
    """Byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909) on bytes, by the library `tokenizers`: pairs that are
    seen often become a token, until there are `size`. Any text can be written, and decoding gives it back exactly."""

    def __init__(self, definition: str) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_str(definition)
        self.size = self._tokenizer.get_vocab_size()

    @classmethod
    def of(cls, texts: Iterable[str], size: int) -> BPE:
        """Learnt from texts; `size` is at least the 256 bytes, and fewer where no pair is left to join."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer.to_str())

    def encode(self, text: str) -> Numbers:
        lines = self._tokenizer.encode_batch_fast(with_ends(text))
        return np.array([token for line in lines for token in line.ids], np.int64)

    def decode(self, tokens: Iterable[int]) -> str:
        return self._tokenizer.decode(list(tokens))

    def pieces(self, text: str) -> Sequence[str]:
        return [self.decode([token]) for token in self.encode(text).tolist()]

    def state(self) -> dict[str, Any]:
        return {"kind": "bpe", "definition": self._tokenizer.to_str()}


class Words:
    """Words and signs in small letters, those that are seen often enough; how they were spaced is lost."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words, self.size = list(words), len(words)
        self._numbers = {word: number for number, word in enumerate(words)}

    @classmethod
    def of(cls, texts: Iterable[str], least: int = 2) -> Words:
        """Those that the texts have at least `least` times, in the alphabet's order."""
        counts = Counter(word for text in texts for word in cut_into_words(text))
        return cls(sorted(word for word, count in counts.items() if count >= least))

    def encode(self, text: str) -> Numbers:
        return np.array([self._numbers.get(word, -1) for word in cut_into_words(text)], np.int64)

    def decode(self, tokens: Iterable[int]) -> str:
        return re.sub(r" ([.,!?;:)])", r"\1", " ".join(self.words[token] for token in tokens))

    def pieces(self, text: str) -> Sequence[str]:
        return cut_into_words(text)

    def state(self) -> dict[str, Any]:
        return {"kind": "words", "words": self.words}


def cut_into_words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text.lower())


def restored(state: Mapping[str, Any]) -> Vocabulary:
    """The vocabulary that gave this state."""
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


def build(kind: Kind, size: int, parts: Mapping[str, str]) -> Vocabulary:
    """The vocabulary of a text in parts. Pairs are learnt from "train" alone; characters are all that the text has, as
    char-rnn and nanoGPT have it, so that none of a held-out split is unknown.

    Raises UserError for another kind, or for a BPE smaller than the bytes.
    """
    if kind == "characters":
        return Characters.of("".join(parts.values()))
    if kind == "bytes":
        return Bytes()
    if kind != "bpe":
        raise UserError(f"no vocabulary {kind!r}.{nearest(kind, ('characters', 'bytes', 'bpe'))}")
    check_size(size)
    return BPE.of(with_ends(parts["train"]), size)


def with_ends(text: str) -> list[str]:
    """A text's lines, each with the line feed that ends it."""
    return list(io.StringIO(text, newline="\n"))


def check_size(size: int) -> None:
    if size < 256:
        raise UserError(f"--data.vocabulary-size of bpe is at least the 256 bytes, got {size}")


def encoded(vocabulary: Vocabulary, text: str, replace: str = "", advice: str = "") -> Numbers:
    """The numbers of a text whose tokens are all known. Those that are not are replaced, if asked to, by `replace`.

    Raises UserError that names what the vocabulary lacks.
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
        raise UserError(f"what replaces others must be one token of the vocabulary, and {replace!r} is not")
    return np.where(tokens < 0, substitute[0], tokens)


def as_text(vocabulary: Vocabulary, tokens: Iterator[int]) -> Iterator[str]:
    """The text of tokens as they come; those that end within a character wait for the rest of it."""
    waiting: list[int] = []
    for token in tokens:
        waiting.append(token)
        text = vocabulary.decode(waiting)
        if not text.endswith("\N{REPLACEMENT CHARACTER}") or len(waiting) == 4:  # UTF-8 takes up to four bytes
            yield text
            waiting = []
    if waiting:
        yield vocabulary.decode(waiting)
