"""Sentence pairs as data: token ids of both languages, in batches of sentences of similar length."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import torch
from dlplug_words.saved_vocabulary import read_or_defer, save_vocabulary, saved_vocabulary
from dlplug_words.vocabularies import BPE, Characters, Vocabulary, Words, check_size, from_state
from torch import Tensor, nn

from dlplug import Data, PositiveInt, Run, Spec, UserError, nearest, to_device
from dlplug.distributed import rank, share_of, world_size
from dlplug.sampling import epoch_order

log = logging.getLogger("dlplug")

PAD, BOS, EOS, UNK = range(4)
SPECIALS = 4
POOL = 50  # batches whose sentences are sorted by length together

TokenKind = Literal["words", "bpe", "characters"]


class Sentences(NamedTuple):
    """Sentences and their translations, line by line."""

    source: Sequence[str]
    target: Sequence[str]


class Pair(NamedTuple):
    """A batch: source (B, S) with EOS and target (B, T) with BOS and EOS, padded, on the model's device.

    lengths: lengths of the sources in descending order, on the host, for packing; () if unknown.
    """

    source: Tensor
    target: Tensor
    lengths: tuple[int, ...] = ()


@dataclass(frozen=True)
class PairSpec(Spec):
    """source: vocabulary size of the source language; `output` is the vocabulary size of the target language."""

    source: int = 0


class Tokenizer:
    """Converts sentences of one language to token ids and back. The vocabulary's ids come after the special tokens'.

    lowercase: convert every sentence to lower case.
    """

    def __init__(self, vocabulary: Vocabulary, lowercase: bool = False) -> None:
        self.vocabulary, self.lowercase, self.size = vocabulary, lowercase, vocabulary.size + SPECIALS

    def normalised(self, sentence: str) -> str:
        return sentence.lower() if self.lowercase else sentence

    def encode(self, sentence: str) -> list[int]:
        """The ids of a sentence, then EOS; a token that is not in the vocabulary becomes UNK."""
        return [*(self.vocabulary.encode(self.normalised(sentence)) + SPECIALS).tolist(), EOS]

    def decode(self, tokens: Sequence[int]) -> str:
        """The sentence before the first EOS."""
        sentence = tokens[: tokens.index(EOS)] if EOS in tokens else tokens
        return self.vocabulary.decode(token - SPECIALS for token in sentence if token >= SPECIALS)

    def pieces(self, tokens: Sequence[int]) -> list[str]:
        """Each token as text, for figures."""
        named = {PAD: "", BOS: "‹", EOS: "›", UNK: "?"}
        return [named[t] if t in named else self.vocabulary.decode([t - SPECIALS]).strip() or "␣" for t in tokens]


@dataclass(frozen=True)
class PairOptions:
    """How sentences are tokenized and batched.

    vocabulary: kind of token: words (lower case, seen at least twice), bpe or characters.
    vocabulary_size: size of each language's BPE vocabulary, including the 256 bytes.
    lowercase: convert all text to lower case.
    max_length: longest sentence to train on, in tokens; pairs with a longer one are left out.
    batch_size: sentence pairs per batch.
    """

    vocabulary: TokenKind = "bpe"
    vocabulary_size: PositiveInt = 4000
    lowercase: bool = False
    max_length: PositiveInt = 100
    batch_size: PositiveInt = 128


def build_tokenizer(options: PairOptions, sentences: Sequence[str]) -> Tokenizer:
    """A tokenizer built from training sentences. Raises UserError for an unknown kind of vocabulary, or for a BPE
    vocabulary of fewer than 256 tokens."""
    kind, lowercase = options.vocabulary, options.lowercase
    if lowercase:
        sentences = [sentence.lower() for sentence in sentences]
    if kind == "characters":
        return Tokenizer(Characters.of("".join(sentences)), lowercase)
    if kind == "words":
        return Tokenizer(Words.of(sentences), lowercase)
    if kind != "bpe":
        raise UserError(f"no vocabulary {kind!r}.{nearest(kind, ('words', 'bpe', 'characters'))}")
    check_size(options.vocabulary_size)
    return Tokenizer(BPE.of(sentences, options.vocabulary_size), lowercase)


class HeldOutPairs:
    """Held-out pairs for metrics and samplers. `sentences` raises UserError if the files no longer exist."""

    def __init__(self, read: Callable[[], Sentences], source: Tokenizer, target: Tokenizer, protocol: str) -> None:
        self.read, self.source, self.target, self.protocol = read, source, target, protocol

    @cached_property
    def sentences(self) -> Sentences:
        return self.read()


class Pairs(Data):
    """Sentence pairs in three splits: "train", "val" and "test".

    The vocabularies come from the training split and are saved in the run folder. The order of the batches is a
    function of the seed and the epoch: its state is two integers.
    """

    unit = "pairs"
    finite = True
    splits = ("val", "test")
    training_options = ("batch_size", "max_length", "vocabulary", "vocabulary_size", "lowercase")

    def __init__(
        self,
        read: Callable[[], Mapping[str, Sentences]],
        protocol: str,
        options: PairOptions,
        *,
        seed: int,
        run: Run | None = None,
    ) -> None:
        saved = saved_vocabulary(run)
        self.parts, self.missing = read_or_defer(read, saved is not None)
        if saved is None:
            source, target = (build_tokenizer(options, side) for side in self.part("train"))
            sides = {"source": source.vocabulary.state(), "target": target.vocabulary.state()}
            save_vocabulary({**sides, "lowercase": options.lowercase}, run)
        else:
            source, target = (Tokenizer(from_state(saved[name]), saved["lowercase"]) for name in ("source", "target"))
        batch_size = options.batch_size
        self.source, self.target, self.max_length = source, target, options.max_length
        self.batch_size, self.seed, self.protocol = batch_size, seed, protocol
        self.spec = PairSpec((options.max_length,), target.size, source=source.size)
        self.count = self.epoch = self.index = 0
        self.remembers = ("count", "epoch", "index")
        share_of(batch_size)
        if saved is None and not 0 < batch_size <= len(self.training):
            raise UserError(f"--data.batch-size must be between 1 and the {len(self.training)} pairs, got {batch_size}")

    def part(self, name: str) -> Sentences:
        """A split's sentences. Raises UserError if the files no longer exist."""
        if self.parts is None:
            raise self.missing or UserError("there are no sentences")
        return self.parts[name]

    @cached_property
    def training(self) -> list[tuple[list[int], list[int]]]:
        """The training pairs as token ids, without those longer than `max_length`."""
        pairs = [
            (self.source.encode(one), [BOS, *self.target.encode(other)])
            for one, other in zip(*self.part("train"), strict=True)
        ]
        short = [pair for pair in pairs if max(map(len, pair)) <= self.max_length]
        if len(short) < len(pairs):
            log.info(f"left out {len(pairs) - len(short)} of {len(pairs)} pairs, longer than --data.max-length")
        return short

    def batches(self, model: nn.Module) -> Iterator[Pair]:
        device = next(model.parameters()).device
        lengths = torch.tensor([len(source) + len(target) for source, target in self.training])
        batches, batches_of = list[Tensor](), -1
        while True:
            if batches_of != self.epoch:
                batches, batches_of = epoch_batches(lengths, self.batch_size, self.seed, self.epoch), self.epoch
            if self.index == len(batches):
                self.epoch, self.index = self.epoch + 1, 0
                continue
            indices = batches[self.index][rank() :: world_size()].tolist()
            self.index += 1
            self.count += self.batch_size
            pairs = sorted((self.training[number] for number in indices), key=lambda pair: -len(pair[0]))
            source, target = zip(*pairs, strict=True)
            x, y = (to_device(padded(side), device) for side in (source, target))
            yield Pair(x, y, tuple(map(len, source)))

    def steps_per_epoch(self) -> int:
        return len(self.training) // self.batch_size

    def split(self, name: str) -> HeldOutPairs:
        return HeldOutPairs(lambda: self.part(name), self.source, self.target, f"{self.protocol}; {name} split")


def epoch_batches(lengths: Tensor, batch_size: int, seed: int, epoch: int) -> list[Tensor]:
    """The batches of an epoch in random order, each the indices (N,) of pairs with similar lengths. The remainder after
    the last full batch is left out."""
    order = epoch_order(len(lengths), seed, epoch)
    order = order[: len(order) // batch_size * batch_size]
    sorted_pools = [pool[lengths[pool].argsort(stable=True)] for pool in order.split(POOL * batch_size)]
    batches = [batch for pool in sorted_pools for batch in pool.split(batch_size)]
    return [batches[place] for place in epoch_order(len(batches), seed + 1, epoch).tolist()]


def padded(sentences: Sequence[Sequence[int]]) -> Tensor:
    """Token ids (B, T), padded with PAD to the length T of the longest."""
    batch = torch.full((len(sentences), max(map(len, sentences))), PAD)
    for row, sentence in zip(batch, sentences, strict=True):
        row[: len(sentence)] = torch.tensor(sentence)
    return batch


def unknown(tokenizer: Tokenizer, sentence: str) -> list[str]:
    """The tokens of a sentence that are not in the vocabulary."""
    sentence = tokenizer.normalised(sentence)
    tokens = tokenizer.vocabulary.encode(sentence).tolist()
    return sorted({p for p, token in zip(tokenizer.vocabulary.pieces(sentence), tokens, strict=True) if token < 0})
