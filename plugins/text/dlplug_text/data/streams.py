"""A text as data: random windows of it, or contiguous streams through which a recurrent net carries its state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import torch
from dlplug_words.saved_vocabulary import read_or_defer, save_vocabulary, saved_vocabulary
from dlplug_words.vocabularies import Vocabulary, VocabularyKind, build_vocabulary, encode_checked, from_state
from torch import Tensor, nn

from dlplug import Data, PositiveInt, Run, Spec, UserError, to_device
from dlplug.distributed import rank, share_of, world_size
from dlplug.sampling import own_share

Order = Literal["windows", "stream"]
Parts = Mapping[str, str]


@dataclass(frozen=True)
class TextOptions:
    """How a text is tokenized and read.

    vocabulary: kind of token: characters, bytes or bpe (learnt from the training split).
    vocabulary_size: size of a BPE vocabulary, including the 256 bytes.
    order: windows takes random positions; stream gives each row of the batch a stream of consecutive windows.
    window: tokens per window: the context length of a transformer.
    batch_size: windows per batch.
    """

    vocabulary: VocabularyKind = "characters"
    vocabulary_size: PositiveInt = 1000
    order: Order = "windows"
    window: PositiveInt = 64
    batch_size: PositiveInt = 32


class Tokens(NamedTuple):
    """Windows of a text x (B, T) and the token after each token, y (B, T), on the model's device. carried (B,) bool is
    true for rows that continue where the previous batch ended."""

    x: Tensor
    y: Tensor
    carried: Tensor


class HeldOut:
    """A held-out text for metrics and samplers.

    window: tokens per window in training. protocol: describes the split.
    `tokens` (N,) and `text` raise UserError if the text no longer exists.
    """

    def __init__(self, read: Callable[[], str], vocabulary: Vocabulary, window: int, protocol: str) -> None:
        self.read, self.vocabulary, self.window, self.protocol = read, vocabulary, window, protocol

    @cached_property
    def text(self) -> str:
        return self.read()

    @cached_property
    def tokens(self) -> Tensor:
        return torch.from_numpy(encode_checked(self.vocabulary, self.text, advice="; has the text changed since?"))


class TextStream(Data):
    """A text in two or three splits: "train", "val" and, if there is one, "test".

    The vocabulary is saved in the run folder as vocabulary.json and read from there when the run is opened again, so
    that the run can generate text even if its training text has changed or no longer exists. A window's position is a
    pure function of the seed and of the number of tokens before it; a stream's state is its position.
    """

    unit = "tokens"
    finite = True
    training_options = ("batch_size", "order")

    def __init__(
        self,
        read: Callable[[], Parts],
        splits: tuple[str, ...],
        protocol: str,
        options: TextOptions,
        *,
        seed: int,
        run: Run | None = None,
    ) -> None:
        window, batch_size = options.window, options.batch_size
        for option, value in (("window", window), ("batch-size", batch_size)):
            if value < 1:
                raise UserError(f"--data.{option} must be at least 1, got {value}")
        share_of(batch_size)
        saved = saved_vocabulary(run)
        self.parts, self.missing = read_or_defer(read, saved is not None)
        if saved:
            self.vocabulary = from_state(saved)
        else:
            self.vocabulary = build_vocabulary(options.vocabulary, options.vocabulary_size, self.parts or {})
        self.splits, self.protocol, self.order = splits, protocol, options.order
        self.window, self.batch_size, self.seed = window, batch_size, seed
        self.spec = Spec((window,), self.vocabulary.size)
        self.count = self.place = 0
        self.remembers = ("count", "place")
        if saved is None:
            self.check_lengths()
            save_vocabulary(self.vocabulary.state(), run)

    def part(self, name: str) -> str:
        """A split's text. Raises UserError if it no longer exists."""
        if self.parts is None:
            raise self.missing or UserError("there is no text")
        return self.parts[name]

    @cached_property
    def training(self) -> Tensor:
        """The tokens (N,) of the training split."""
        return torch.from_numpy(
            encode_checked(self.vocabulary, self.part("train"), advice="; has the text changed since?")
        )

    def check_lengths(self) -> None:
        """Raises UserError for a text shorter than one batch, or a held-out split without a token to predict."""
        rows = self.batch_size if self.order == "stream" else 1
        for name, least in [("train", rows * (self.window + 1)), *((name, 2) for name in self.splits)]:
            count = len(self.training) if name == "train" else len(self.split(name).tokens)
            if count < least:
                streams = f"{rows} streams of " if rows > 1 else ""
                needed = f"{streams}one window of {self.window} and the token after" if name == "train" else "a target"
                raise UserError(f"the {name} split has {count} tokens, too few for {needed}; use at least {least}")

    def batches(self, model: nn.Module) -> Iterator[Tokens]:
        tokens = self.training.to(next(model.parameters()).device)
        return self.streams(tokens) if self.order == "stream" else self.windows(tokens)

    def windows(self, tokens: Tensor) -> Iterator[Tokens]:
        """Windows of tokens (N,) at random positions."""
        generator = torch.Generator()
        within = torch.arange(self.window, device=tokens.device)
        alone = torch.zeros(share_of(self.batch_size), dtype=torch.bool, device=tokens.device)
        while True:
            rows, seed = own_share(self.batch_size, self.seed, self.count)
            generator.manual_seed(seed)
            begin = torch.randint(len(tokens) - self.window, (rows, 1), generator=generator)
            index = to_device(begin, tokens.device) + within
            self.count += self.batch_size * self.window
            yield Tokens(tokens[index], tokens[index + 1], alone)

    def streams(self, tokens: Tensor) -> Iterator[Tokens]:
        """Tokens (N,) cut into one stream per row; a batch has the next window of each. After the last full window the
        remainder is left out and the streams start again."""
        length = len(tokens) // self.batch_size
        streams = tokens[: self.batch_size * length].view(self.batch_size, length)[rank() :: world_size()]
        while True:
            if self.place + self.window + 1 > length:
                self.place = 0
            begin, end = self.place, self.place + self.window
            carried = torch.full((len(streams),), begin > 0, device=tokens.device)
            self.place = end
            self.count += self.batch_size * self.window
            yield Tokens(streams[:, begin:end], streams[:, begin + 1 : end + 1], carried)

    def steps_per_epoch(self) -> int:
        """One pass over the streams; with random windows, as many tokens as the text has."""
        length = len(self.training)
        if self.order == "stream":
            return (length // self.batch_size - 1) // self.window
        return max(1, length // (self.batch_size * self.window))

    def split(self, name: str) -> HeldOut:
        return HeldOut(lambda: self.part(name), self.vocabulary, self.window, f"{self.protocol}; {name} split")
