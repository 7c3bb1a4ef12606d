"""Copy and repeat copy (Graves et al. 2014, sections 4.1 and 4.2)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Generator

from dlplug import NonNegativeInt, PositiveInt, UserError
from dlplug_memory.tasks import Sequences, Task, check_bits, random_bits


class Copy(Task):
    """A sequence of random bits, an end mark, and then the sequence is to be given back; nothing is shown meanwhile.

    bits: numbers in a vector.
    min_length: of the shortest sequence.
    max_length: of the longest sequence that is trained on.
    batch_size: sequences a batch, all of one length.
    curriculum: sequences over which the longest length grows from the shortest; 0 draws all from the start.
    pad: gives every batch the longest one's shape, which --graph needs.
    """

    def __init__(
        self,
        *,
        bits: PositiveInt = 8,
        min_length: PositiveInt = 1,
        max_length: PositiveInt = 20,
        batch_size: PositiveInt = 16,
        curriculum: NonNegativeInt = 0,
        pad: bool = False,
        seed: int,
    ) -> None:
        check_bits(bits)
        self.bits = bits
        super().__init__(
            inputs=bits + 1,
            answers=bits,
            smallest=min_length,
            largest=max_length,
            batch_size=batch_size,
            curriculum=curriculum,
            pad=pad,
            seed=seed,
        )

    def make(self, size: int, count: int, generator: Generator) -> Sequences:
        vectors = random_bits(count, size, self.bits, generator=generator)
        x = torch.zeros(count, self.steps(size), self.bits + 1)
        x[:, :size, : self.bits] = vectors
        x[:, size, self.bits] = 1.0
        y, asked = torch.zeros(count, len(x[0]), self.bits), torch.zeros(count, len(x[0]))
        y[:, size + 1 :] = vectors
        asked[:, size + 1 :] = 1.0
        return Sequences(x, y, asked)

    def items(self, size: int) -> int:
        return size

    def steps(self, size: int) -> int:
        return 2 * size + 1


class RepeatCopy(Task):
    """A sequence of random bits and how often it is to be given back; then that, and an end mark.

    bits: numbers in a vector.
    min_length: of the shortest sequence.
    max_length: of the longest sequence.
    min_repeats: fewest repeats.
    max_repeats: most repeats that are trained on.
    told: how the number of repeats is told, by a channel of its own: as a number, (repeats - mean) / deviation of those
        trained on, as in the paper; or as so many marks, one at each step, which can be more than ever were seen.
    grow: what a curriculum lets grow, and what is tested on more than it was trained on.
    batch_size: sequences a batch, all of one length.
    curriculum: sequences over which the largest grows from the smallest; 0 draws all from the start.
    pad: gives every batch the longest one's shape, which --graph needs.
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
        batch_size: PositiveInt = 16,
        curriculum: NonNegativeInt = 0,
        pad: bool = False,
        seed: int,
    ) -> None:
        check_bits(bits)
        lengths, repeats = (min_length, max_length), (min_repeats, max_repeats)
        for what, (least, most) in {"lengths": lengths, "repeats": repeats}.items():
            if not 1 <= least <= most:
                raise UserError(f"{what} must be at least 1, the smallest first, got {least} to {most}")
        self.bits, self.told, self.grow = bits, told, grow
        (smallest, largest), self.other = (lengths, repeats) if grow == "length" else (repeats, lengths)
        # of a uniform distribution over whole numbers
        self.mean = (min_repeats + max_repeats) / 2
        self.deviation = max(1.0, ((max_repeats - min_repeats + 1) ** 2 - 1) / 12) ** 0.5
        super().__init__(
            inputs=bits + 2,
            answers=bits + 1,
            smallest=smallest,
            largest=largest,
            batch_size=batch_size,
            curriculum=curriculum,
            pad=pad,
            seed=seed,
        )

    def make(self, size: int, count: int, generator: Generator) -> Sequences:
        """size: the repeats or the length. The other is drawn; beyond the sizes trained on it is the largest, as in
        figure 8 of the paper."""
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
        y, asked = torch.zeros(count, end + 1, self.bits + 1), torch.zeros(count, end + 1)
        y[:, start:end, : self.bits] = vectors.repeat(1, repeats, 1)
        y[:, end, self.bits] = 1.0
        asked[:, start:] = 1.0
        return Sequences(x, y, asked)

    def items(self, size: int) -> int:
        return size if self.grow == "length" else self.other[1]

    def steps(self, size: int) -> int:
        marks = (self.other[1] if self.grow == "length" else size) if self.told == "marks" else 1
        return self.items(size) + 2 + marks + size * self.other[1]
