"""Pictures, and a model that generates them, for measures that are tested without a trained one."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Repeats(nn.Module):
    """A model that makes what it was given, in turn."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.x = nn.Parameter(x, requires_grad=False)

    def generate(self, count: int, *, seed: int = 0, label: int | None = None, steps: int | None = None) -> Tensor:
        return self.x[torch.arange(count) % len(self.x)]


def pictures(count: int, seed: int) -> Tensor:
    """uint8 (N, 28, 28, 1)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 28, 28, 1), generator=generator, dtype=torch.uint8)


def as_floats(images: Tensor) -> Tensor:
    return images.permute(0, 3, 1, 2) / 255
