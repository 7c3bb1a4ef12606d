"""A record of values during training, for a figure."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

SIZE = 10_000  # rows: more than a figure has pixels


class Trace(nn.Module):
    """Records one row of numbers every `every` steps, up to 10,000 rows.

    Rows and counter are on the device, so that no step synchronises with the host and steps in a CUDA graph record too.
    """

    rows: Tensor
    steps: Tensor

    def __init__(self, shape: Sequence[int], device: torch.device, every: int = 1) -> None:
        super().__init__()
        self.every = every
        self.register_buffer("rows", torch.zeros(SIZE + 1, *shape, device=device))  # the last row is a dummy
        self.register_buffer("steps", torch.zeros(1, dtype=torch.long, device=device))

    def add(self, row: Tensor) -> None:
        """Called at every step; rows that are not recorded are written to the dummy row."""
        due = self.steps % self.every == 0
        place = torch.where(due, self.steps // self.every, SIZE).clamp(max=SIZE)
        self.rows.index_copy_(0, place, row.detach()[None])
        self.steps += 1

    def recorded(self) -> Tensor:
        """(rows so far, *shape) on the CPU."""
        count = -(-int(self.steps) // self.every)
        return self.rows[: min(count, SIZE)].cpu()
