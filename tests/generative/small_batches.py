"""What a VAE is given in tests: pictures and points, at random."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dlplug import Labelled, Spec

GREY, COLOUR, POINTS = (1, 28, 28), (3, 32, 32), (2,)


class Split(NamedTuple):
    """As vision's held-out pictures are."""

    images: Tensor
    y: Tensor
    names: tuple[str, ...] = tuple("0123")


def spec(shape: tuple[int, ...] = GREY) -> Spec:
    return Spec(shape, 4, 0.2, 0.3)


def split(count: int = 12, shape: tuple[int, ...] = GREY) -> Split:
    channels, height, width = shape
    return Split(torch.randint(256, (count, height, width, channels), dtype=torch.uint8), torch.arange(count) % 4)


def batch(shape: tuple[int, ...], count: int = 6) -> Labelled:
    if len(shape) == 1:
        return Labelled(torch.randn(count, *shape), torch.arange(count) % 4)
    return Labelled(torch.randint(256, (count, *shape)).float() / 255, torch.arange(count) % 4)
