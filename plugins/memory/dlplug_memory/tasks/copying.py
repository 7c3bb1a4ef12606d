"""Copy and repeat copy (Graves et al. 2014, sections 4.1 and 4.2)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Generator

from dlplug import PositiveInt, UserError
from dlplug_memory.tasks.task import Sequences, Task, TaskOptions, check_bits, random_bits


class Copy(Task):
    """Random bit vectors and an end marker; then the sequence must be output while the inputs are blank.

    bits: bits per vector.
    min_length: length of the shortest sequence.
    max_length: length of the longest sequence in training.
    """

    def __init__(
        self,
        *,
        bits: PositiveInt = 8,
        min_length: PositiveInt = 1,
        max_length: PositiveInt = 20,
        options: TaskOptions = TaskOptions(),
        seed: int,
    ) -> None:
        check_bits(bits)
        self.bits = bits
        super().__init__(
            inputs=bits + 1,
            answers=bits,
            smallest=min_length,
            largest=max_length,
            options=options,
            seed=seed,
        )

    def generate(self, size: int, count: int, generator: Generator) -> Sequences:
        vectors = random_bits(count, size, self.bits, generator=generator)
        x = torch.zeros(count, self.steps(size), self.bits + 1)
        x[:, :size, : self.bits] = vectors
        x[:, size, self.bits] = 1.0
        y, mask = torch.zeros(count, len(x[0]), self.bits), torch.zeros(count, len(x[0]))
        y[:, size + 1 :] = vectors
        mask[:, size + 1 :] = 1.0
        return Sequences(x, y, mask)

    def items(self, size: int) -> int:
        return size

    def steps(self, size: int) -> int:
        return 2 * size + 1


class RepeatCopy(Task):
    """Random bit vectors and a number of repeats; then the repeated sequence and an end marker must be output.

    bits: bits per vector.
    min_length: length of the shortest sequence.
    max_length: length of the longest sequence.
    min_repeats: fewest repeats.
    max_repeats: most repeats in training.
    told: encoding of the number of repeats, in a channel of its own: "number", normalised by the mean and standard
        deviation in training, as in the paper; or "marks", as many steps of 1, which extends beyond training.
    grow: the size that the curriculum and the test of generalisation increase: repeats or length.
    """

    def __init__(
        self,
        *,
        bits: PositiveInt = 8,
        min_length: PositiveInt = 1,
        max_length: PositiveInt = 10,
        min_repeats: PositiveInt = 1,
        max_repeats: PositiveInt = 10,
        told: Literal["number", "marks"] = "number",
        grow: Literal["repeats", "length"] = "repeats",
        options: TaskOptions = TaskOptions(),
        seed: int,
    ) -> None:
        check_bits(bits)
        lengths, repeats = (min_length, max_length), (min_repeats, max_repeats)
        for what, (least, most) in {"lengths": lengths, "repeats": repeats}.items():
            if not 1 <= least <= most:
                raise UserError(f"{what} must be at least 1, the smallest first, got {least} to {most}")
        self.bits, self.told, self.grow = bits, told, grow
        (smallest, largest), self.other = (lengths, repeats) if grow == "length" else (repeats, lengths)
        # mean and standard deviation of a uniform distribution over integers
        self.mean = (min_repeats + max_repeats) / 2
        self.deviation = max(1.0, ((max_repeats - min_repeats + 1) ** 2 - 1) / 12) ** 0.5
        super().__init__(
            inputs=bits + 2,
            answers=bits + 1,
            smallest=smallest,
            largest=largest,
            options=options,
            seed=seed,
        )

    def generate(self, size: int, count: int, generator: Generator) -> Sequences:
        """size: the repeats or the length, as `grow` says. The other one is random; for sizes beyond training it is the
        largest, as in figure 8 of the paper."""
        smallest, largest = self.other
        drawn = largest
        if size <= self.largest:
            drawn = int(torch.randint(smallest, largest + 1, (), generator=generator))
        length, repeats = (size, drawn) if self.grow == "length" else (drawn, size)
        vectors = random_bits(count, length, self.bits, generator=generator)
        marks = repeats if self.told == "marks" else 1
        start = length + 1 + marks
        end = start + repeats * length
        x = torch.zeros(count, end + 1, self.bits + 2)
        x[:, :length, : self.bits] = vectors
        x[:, length, self.bits] = 1.0
        number = (repeats - self.mean) / self.deviation
        x[:, length + 1 : start, self.bits + 1] = 1.0 if self.told == "marks" else number
        y, mask = torch.zeros(count, end + 1, self.bits + 1), torch.zeros(count, end + 1)
        y[:, start:end, : self.bits] = vectors.repeat(1, repeats, 1)
        y[:, end, self.bits] = 1.0
        mask[:, start:] = 1.0
        return Sequences(x, y, mask)

    def items(self, size: int) -> int:
        return size if self.grow == "length" else self.other[1]

    def steps(self, size: int) -> int:
        marks = (self.other[1] if self.grow == "length" else size) if self.told == "marks" else 1
        return self.items(size) + 2 + marks + size * self.other[1]
