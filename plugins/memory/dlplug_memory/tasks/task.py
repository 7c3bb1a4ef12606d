"""The base class of generated tasks, with a curriculum and held-out sequences of any length. A batch has sequences of
one length and is a pure function of the seed and of the number of sequences before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from dlplug import Data, NonNegativeInt, PositiveInt, Spec, UserError, to_device
from dlplug.distributed import share_of
from dlplug.sampling import own_share

HELD_OUT = {"val": 1, "test": 2}  # part of the seeds of held-out sequences, which are the same for every run


class Sequences(NamedTuple):
    """x (B, T, inputs); targets y: bits (B, T, answers) as floats, or word ids (B, T); and mask (B, T), 1 where an
    answer is expected and 0 elsewhere."""

    x: Tensor
    y: Tensor
    mask: Tensor


@dataclass(frozen=True)
class SequenceSpec(Spec):
    """`input` and `output` describe one step.

    items: vectors that must be remembered at once in the largest training sequence.
    """

    items: int = 0


@dataclass(frozen=True)
class TaskOptions:
    """How sequences are batched.

    batch_size: sequences per batch, all of one size.
    curriculum: number of sequences over which the largest size grows from the smallest; 0 draws all sizes from the
        start.
    pad: pad every batch to the largest shape, which --graph needs.
    """

    batch_size: PositiveInt = 16
    curriculum: NonNegativeInt = 0
    pad: bool = False


class Task(Data):
    """A generated task. A subclass generates sequences of a `size` (`generate`, `items`, `steps`), which the curriculum
    and the test of generalisation increase: a length, or a number of repeats, items or nodes.

    Batches are pure functions of the seed and of the number of sequences before: the state is one integer.
    """

    unit = "sequences"
    splits = ("val", "test")
    training_options = ("batch_size", "curriculum", "pad")

    def __init__(
        self,
        *,
        inputs: int,
        answers: int,
        smallest: int,
        largest: int,
        options: TaskOptions,
        seed: int,
        least: int = 1,
    ) -> None:
        """
        inputs, answers: dimensions of a step's input and answer. smallest, largest: sizes in training. least: the
        smallest valid size.
        """
        if not least <= smallest <= largest:
            raise UserError(f"sizes must be at least {least}, the smallest first, got {smallest} to {largest}")
        batch_size, curriculum = options.batch_size, options.curriculum
        if batch_size < 1 or curriculum < 0:
            raise UserError(
                f"--data.batch-size must be at least 1, --data.curriculum at least 0; got {batch_size}, {curriculum}"
            )
        share_of(batch_size)
        self.smallest, self.largest, self.batch_size = smallest, largest, batch_size
        self.curriculum, self.pad, self.seed = curriculum, options.pad, seed
        self.spec = SequenceSpec((inputs,), answers, items=self.items(largest))
        self.protocol = f"{type(self).__name__}, sizes {smallest} to {largest}"

    def generate(self, size: int, count: int, generator: Generator) -> Sequences:
        """`count` sequences of a size, on the CPU, all of one length."""
        raise NotImplementedError

    def items(self, size: int) -> int:
        """The number of vectors that must be remembered at once."""
        raise NotImplementedError

    def steps(self, size: int) -> int:
        """The maximal number of steps of sequences of a size."""
        raise NotImplementedError

    def batches(self, model: nn.Module) -> Iterator[Sequences]:
        device = next(model.parameters()).device
        generator = Generator()
        while True:
            rows, seed = own_share(self.batch_size, self.seed, self.count)
            generator.manual_seed(sequence_seed(seed))
            size = int(torch.randint(self.smallest, self.largest_at(self.count) + 1, (), generator=generator))
            batch = self.generate(size, rows, generator)
            if self.pad:
                batch = padded(batch, self.steps(self.largest))
            self.count += self.batch_size
            yield Sequences(*(to_device(part, device) for part in batch))

    def largest_at(self, count: int) -> int:
        """The largest size after `count` sequences: it grows linearly over the curriculum."""
        if count >= self.curriculum:
            return self.largest
        return self.smallest + (self.largest - self.smallest + 1) * count // self.curriculum

    def split(self, name: str) -> HeldOut:
        return HeldOut(self, name)


class HeldOut:
    """Sequences of any size that are never in training, the same for every run."""

    def __init__(self, task: Task, name: str) -> None:
        self.task, self.name = task, name

    def sequences(self, size: int, count: int) -> Sequences:
        generator = Generator().manual_seed(HELD_OUT[self.name] * 1_000_003 + size)
        return self.task.generate(size, count, generator)


def sequence_seed(own: int) -> int:
    """A seed for a training batch that no held-out sequence has."""
    return 2**40 + own % 2**40


def padded(batch: Sequences, steps: int) -> Sequences:
    """The batch padded to `steps` with zeros, which the mask excludes."""
    missing = steps - batch.x.shape[1]
    return Sequences(*(torch.cat([part, part.new_zeros(len(part), missing, *part.shape[2:])], 1) for part in batch))


def random_bits(*shape: int, generator: Generator) -> Tensor:
    return torch.randint(0, 2, shape, generator=generator).float()


def check_bits(bits: int) -> None:
    if bits < 1:
        raise UserError(f"--data.bits must be at least 1, got {bits}")
