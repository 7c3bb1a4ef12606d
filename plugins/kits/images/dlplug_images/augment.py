"""Augmentation of a batch on its device: pure functions of (B, C, H, W) and a random generator on the same device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from dlplug import Spec


def flip(x: Tensor, generator: Generator) -> Tensor:
    """Each image of (B, C, H, W) mirrored left to right with probability 1/2."""
    mirrored = torch.rand(len(x), 1, 1, 1, generator=generator, device=x.device) < 0.5
    return torch.where(mirrored, x.flip(3), x)


def padded_crop(x: Tensor, padding: int, generator: Generator) -> Tensor:
    """Each image of (B, C, H, W) shifted at random by up to `padding` pixels in both directions, padded with zeros (He
    et al. 2016, section 4.2: 4 pixels on CIFAR)."""
    height, width = x.shape[2:]
    top, left = torch.randint(2 * padding + 1, (2, len(x)), generator=generator, device=x.device)
    # all windows of the padded images as a view (B, C, 2p + 1, 2p + 1, H, W); one of them is copied for each image
    windows = F.pad(x, [padding] * 4).unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(len(x), device=x.device), :, top, left]


def cutout(x: Tensor, size: int, fill: Tensor, generator: Generator) -> Tensor:
    """A square of `size` pixels in each image of (B, C, H, W) replaced by `fill` (C, 1, 1), around a random pixel, so
    that part of it may lie outside (DeVries & Taylor 2017, arXiv:1708.04552)."""
    height, width = x.shape[2:]
    down = _hidden(height, size, len(x), generator)[:, :, None]
    across = _hidden(width, size, len(x), generator)[:, None, :]
    return torch.where((down & across)[:, None], fill, x)


def _hidden(length: int, size: int, count: int, generator: Generator) -> Tensor:
    """(count, length): whether each row (or column) is inside each image's square."""
    centre = torch.randint(length, (count, 1), generator=generator, device=generator.device)
    place = torch.arange(length, device=generator.device)
    return (place >= centre - size // 2) & (place < centre - size // 2 + size)


def normalise(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """(x - mean) / deviation, each (C, 1, 1), for x (B, C, H, W)."""
    return (x - mean) / deviation


def channel_statistics(spec: Spec) -> dict[str, Tensor]:
    """The training images' mean and deviation, (C, 1, 1) each, for a model to register as buffers of these names."""
    return {
        name: torch.as_tensor(value, dtype=torch.float).flatten().expand(spec.input[0]).clone()[:, None, None]
        for name, value in (("mean", spec.mean), ("deviation", spec.deviation))
    }
