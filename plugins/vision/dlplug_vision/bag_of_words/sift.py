"""Dense SIFT as a fixed convolutional net: descriptors on a grid, without key points."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

ORIENTATIONS = 8
CELLS = 4  # in each direction
SIZE = ORIENTATIONS * CELLS**2  # of a descriptor


def dense_sift(x: Tensor, cells: Sequence[int], step: int) -> Tensor:
    """RootSIFT descriptors (B, L, 128) of images (B, C, H, W), of unit length, or zero where nothing changes.

    L counts the grid row by row, one size of the cells after the other. In a descriptor, orientation is the slowest
    axis, then the cell's row, then its column. SIFT: Lowe 2004 (doi:10.1023/B:VISI.0000029664.99615.94), without the
    Gaussian window; RootSIFT: Arandjelović & Zisserman 2012 (doi:10.1109/CVPR.2012.6248018).

    cells: sides of a cell in pixels; a descriptor covers 4x4 cells. step: pixels between descriptors.
    """
    channels = oriented(x.mean(1))
    pooled = [F.avg_pool2d(channels, cell, stride=1) for cell in cells]
    raw = [F.unfold(part, CELLS, dilation=cell, stride=step) for cell, part in zip(cells, pooled, strict=True)]
    # SIFT's second L2 norm would cancel in RootSIFT's √(d / |d|₁)
    clipped = F.normalize(torch.cat(raw, 2), dim=1).clamp_(max=0.2)
    return F.normalize(clipped, p=1, dim=1).sqrt_().mT


def oriented(grey: Tensor) -> Tensor:
    """(B, H, W) → (B, 8, H, W): the gradient's length, shared linearly by the two nearest of eight directions."""
    padded = F.pad(grey[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    across, down = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2], padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    direction = torch.atan2(down, across)[:, None] * (ORIENTATIONS / (2 * math.pi))
    centres = torch.arange(ORIENTATIONS, device=grey.device)[:, None, None]
    distance = (direction - centres + ORIENTATIONS / 2) % ORIENTATIONS - ORIENTATIONS / 2
    return torch.hypot(across, down)[:, None] * (1 - distance.abs()).clamp(min=0)


def grid(length: int, cell: int, step: int) -> Tensor:
    """The centres, in [0, 1], of the descriptors along an axis of `length` pixels."""
    return (torch.arange(0, length - CELLS * cell + 1, step) + CELLS * cell / 2) / length
