"""Priority sort (Graves et al. 2014, section 4.5)."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Generator

from dlplug import PositiveInt, Range, UserError
from dlplug_memory.tasks.task import Sequences, Task, TaskOptions, check_bits, random_bits


class PrioritySort(Task):
    """Random vectors, each with a priority in [-1, 1]; then, after a marker, those of highest priority in order.

    bits: bits per vector.
    share: fraction of the vectors to output; 16 of 20 in the paper.
    min_vectors: fewest vectors.
    max_vectors: most vectors in training.
    """

    def __init__(
        self,
        *,
        bits: PositiveInt = 8,
        share: Annotated[float, Range(gt=0, le=1)] = 0.8,
        min_vectors: PositiveInt = 20,
        max_vectors: PositiveInt = 20,
        options: TaskOptions = TaskOptions(),
        seed: int,
    ) -> None:
        check_bits(bits)
        if not 0 < share <= 1:
            raise UserError(f"--data.share must be above 0 and at most 1, got {share}")
        self.bits, self.share = bits, share
        super().__init__(
            inputs=bits + 2,
            answers=bits,
            smallest=min_vectors,
            largest=max_vectors,
            options=options,
            seed=seed,
        )

    def generate(self, size: int, count: int, generator: Generator) -> Sequences:
        vectors = random_bits(count, size, self.bits, generator=generator)
        priority = 2 * torch.rand(count, size, generator=generator) - 1
        x = torch.zeros(count, self.steps(size), self.bits + 2)
        x[:, :size, : self.bits] = vectors
        x[:, :size, self.bits] = priority
        x[:, size, self.bits + 1] = 1.0
        first = priority.argsort(1, descending=True)[:, : self.outputs_of(size)]
        y, mask = torch.zeros(count, len(x[0]), self.bits), torch.zeros(count, len(x[0]))
        y[:, size + 1 :] = vectors.gather(1, first.unsqueeze(2).expand(-1, -1, self.bits))
        mask[:, size + 1 :] = 1.0
        return Sequences(x, y, mask)

    def outputs_of(self, size: int) -> int:
        return max(1, round(self.share * size))

    def items(self, size: int) -> int:
        return size

    def steps(self, size: int) -> int:
        return size + 1 + self.outputs_of(size)
