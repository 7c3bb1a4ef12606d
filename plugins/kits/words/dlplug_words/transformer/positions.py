"""Positional encodings."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sinusoids(start: int, count: int, width: int, device: torch.device | None = None) -> Tensor:
    """(count, width): the encodings of the positions from `start` on (Vaswani et al. 2017, section 3.5); width is even.

    PE(p, 2i) = sin(p / 10000^(2i/width)), PE(p, 2i + 1) = cos(p / 10000^(2i/width))
    """
    position = torch.arange(start, start + count, device=device)[:, None]
    angle = position * torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10000.0) / width))
    return torch.stack([angle.sin(), angle.cos()], 2).flatten(1)
