"""Associative recall (Graves et al. 2014, section 4.3)."""

from __future__ import annotations

import torch
from torch import Generator

from dlplug import PositiveInt, UserError
from dlplug_memory.tasks.task import Sequences, Task, TaskOptions, check_bits, random_bits


class Recall(Task):
    """Several items, each a few vectors after a marker; then one of them as the query: which item came next?

    bits: bits per vector.
    vectors: vectors per item.
    min_items: fewest items.
    max_items: most items in training.
    """

    def __init__(
        self,
        *,
        bits: PositiveInt = 6,
        vectors: PositiveInt = 3,
        min_items: PositiveInt = 2,
        max_items: PositiveInt = 6,
        options: TaskOptions = TaskOptions(),
        seed: int,
    ) -> None:
        check_bits(bits)
        if vectors < 1:
            raise UserError(f"--data.vectors must be at least 1, got {vectors}")
        self.bits, self.vectors = bits, vectors
        super().__init__(
            inputs=bits + 2,
            answers=bits,
            smallest=min_items,
            largest=max_items,
            options=options,
            seed=seed,
            least=2,
        )

    def generate(self, size: int, count: int, generator: Generator) -> Sequences:
        each = self.vectors
        items = random_bits(count, size, each, self.bits, generator=generator)
        cue = torch.randint(0, size - 1, (count,), generator=generator)  # any item but the last
        row = torch.arange(count)
        x = torch.zeros(count, self.steps(size), self.bits + 2)
        # a view of the items: a marker, then the vectors
        x[:, : size * (each + 1)].view(count, size, each + 1, -1)[:, :, 1:, : self.bits] = items
        x[:, : size * (each + 1) : each + 1, self.bits] = 1.0
        query = size * (each + 1)
        x[:, query + 1 : query + 1 + each, : self.bits] = items[row, cue]
        x[:, [query, query + each + 1], self.bits + 1] = 1.0
        y, mask = torch.zeros(count, len(x[0]), self.bits), torch.zeros(count, len(x[0]))
        y[:, -each:] = items[row, cue + 1]
        mask[:, -each:] = 1.0
        return Sequences(x, y, mask)

    def items(self, size: int) -> int:
        return size * self.vectors

    def steps(self, size: int) -> int:
        return size * (self.vectors + 1) + 2 * (self.vectors + 1)
