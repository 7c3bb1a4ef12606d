"""Dynamic n-grams (Graves et al. 2014, section 4.4): each sequence has a new table of bit probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from torch import Generator, Tensor

from dlplug import PositiveInt, Range, UserError, checked_by
from dlplug_memory.tasks.task import HeldOut, Sequences, Task, TaskOptions


class NGrams(Task):
    """Bits whose probabilities depend on the previous few; every step predicts the next bit.

    Each sequence has its own table of probabilities, drawn from Beta(1/2, 1/2).

    context: number of bits that the next one depends on; 5 in the paper's 6-grams.
    min_length: length of the shortest sequence.
    max_length: length of the longest sequence in training.
    """

    def __init__(
        self,
        *,
        context: Annotated[int, Range(ge=1, le=16)] = 5,
        min_length: PositiveInt = 200,
        max_length: PositiveInt = 200,
        options: TaskOptions = TaskOptions(),
        seed: int,
    ) -> None:
        if not 1 <= context <= 16:
            raise UserError(f"--data.context must be between 1 and 16 bits, got {context}")
        self.context = context
        super().__init__(
            inputs=1,
            answers=1,
            smallest=min_length,
            largest=max_length,
            options=options,
            seed=seed,
            least=context + 1,
        )

    def generate(self, size: int, count: int, generator: Generator) -> Sequences:
        table = beta_half(count, 2**self.context, generator=generator)
        chance = torch.rand(count, size, generator=generator)
        bits = torch.zeros(count, size, dtype=torch.long)
        row = torch.arange(count)
        for t in range(size):
            if t < self.context:
                bits[:, t] = chance[:, t] < 0.5
            else:
                bits[:, t] = chance[:, t] < table[row, context_index(bits[:, t - self.context : t])]
        x = bits[:, :-1, None].float()
        mask = torch.ones(count, size - 1)
        mask[:, : self.context - 1] = 0.0
        return Sequences(x, bits[:, 1:, None].float(), mask)

    def items(self, size: int) -> int:
        return 2**self.context

    def steps(self, size: int) -> int:
        return size - 1


def beta_half(*shape: int, generator: Generator) -> Tensor:
    """Samples of Beta(1/2, 1/2), whose cumulative distribution function is 2/π asin √p."""
    return (torch.rand(shape, generator=generator) * torch.pi / 2).sin() ** 2


def context_index(bits: Tensor) -> Tensor:
    """The integers (B,) with the binary digits (B, context), most significant first."""
    return (bits * 2 ** torch.arange(bits.shape[1] - 1, -1, -1)).sum(1)


def check_task(model: Any, data: HeldOut, *, count: int) -> None:
    if not isinstance(data.task, NGrams):
        raise UserError("it is defined only for --data n-grams")


@checked_by(check_task)
def optimum(model: Any, data: HeldOut, *, count: PositiveInt = 100) -> Mapping[str, float]:
    """Bits per sequence of the optimal n-gram estimator, which counts the bits that follow each context.

    count: number of sequences.
    """
    assert isinstance(data.task, NGrams)
    batch = data.sequences(data.task.largest, count)
    return {"optimal_bits_per_sequence": optimal_bits(batch, data.task.context).mean().item()}


def optimal_bits(batch: Sequences, context: int) -> Tensor:
    """Bits (B,) that the optimal estimator needs for each sequence (the paper's equation 10, after Murphy 2012)."""
    bits = torch.cat([batch.x[:, :1, 0], batch.y[:, :, 0]], 1).long()
    row, occurrences = torch.arange(len(bits)), torch.zeros(len(bits), 2**context, 2)
    total = torch.zeros(len(bits))
    for t in range(context, bits.shape[1]):
        place = context_index(bits[:, t - context : t])
        counts = occurrences[row, place]
        # P(B = 1 | N_1, N_0, c) = (N_1 + 1/2) / (N_1 + N_0 + 1)
        chance = (counts[row, bits[:, t]] + 0.5) / (counts.sum(1) + 1)
        total -= chance.log2()
        occurrences[row, place, bits[:, t]] += 1
    return total
