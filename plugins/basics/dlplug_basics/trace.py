"""What a loss writes down on the way, for a figure."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

SIZE = 10_000  # rows: more points than a figure is wide


class Trace(nn.Module):
    """One row of numbers every so many steps, the first 10,000 of them.

    The rows and the counter live on the device: no step waits for the host, and a step in a CUDA graph goes on writing.
    """

    rows: Tensor
    steps: Tensor

    def __init__(self, shape: Sequence[int], device: torch.device, every: int = 1) -> None:
        super().__init__()
        self.every = every
        self.register_buffer("rows", torch.zeros(SIZE + 1, *shape, device=device))  # and a spare one
        self.register_buffer("steps", torch.zeros(1, dtype=torch.long, device=device))

    def add(self, row: Tensor) -> None:
        """Call it at each step; rows between recorded ones go to the spare row."""
        due = self.steps % self.every == 0
        place = torch.where(due, self.steps // self.every, SIZE).clamp(max=SIZE)
        self.rows.index_copy_(0, place, row.detach()[None])
        self.steps += 1

    def kept(self) -> Tensor:
        """(rows so far, *shape) on the CPU."""
        count = -(-int(self.steps) // self.every)
        return self.rows[: min(count, SIZE)].cpu()
