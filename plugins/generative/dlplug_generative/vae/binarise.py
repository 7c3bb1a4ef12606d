"""Binarisation of grey pixels. It is part of every likelihood's name: the two differ by some 2 nats on MNIST.

- static: each image once, so that the set is one fixed set of binary images, as Larochelle's is;
- dynamic: drawn again each time an image is used.

Either way a pixel is white with a probability equal to its grey value. The static noise is a pure function of the image
itself, by a hash of its bytes: the same in every epoch, split, process and run, and no index has to travel with it.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from dlplug import UserError

Binarisation = Literal["static", "dynamic", "none"]

GOLDEN = -1640531527  # 2³² / golden ratio, as a signed number of 32 bits


def binarised(x: Tensor, kind: Binarisation) -> Tensor:
    """x (B, C, H, W) in [0, 1] as zeros and ones of the same shape; "none" leaves them as they are."""
    if kind == "none":
        return x
    if x.ndim != 4:
        raise UserError(f"there is nothing to binarise in {tuple(x.shape[1:])}: points need --loss.binarisation none")
    noise = noise_of(x) if kind == "static" else torch.rand_like(x)
    return (noise < x).to(x.dtype)


def noise_of(x: Tensor) -> Tensor:
    """Numbers in [0, 1) for the pixels of x (B, C, H, W) in [0, 1], each a function of its whole image and its place.

    A hash of 32 bits in integers that wrap around: the image's 256 levels, multiplied by numbers of their places and
    added up, give its key; each place's number is mixed with that.
    """
    levels = (x.flatten(1) * 255).round().int()
    place = torch.arange(1, levels.shape[1] + 1, dtype=torch.int32, device=x.device) * GOLDEN
    key = mixed((levels * (mixed(place) | 1)).sum(1, dtype=torch.int32))
    # the upper 24 bits: as many as a float has exactly
    return (shifted(mixed(key[:, None] ^ place), 8).to(x.dtype) / 2**24).view(x.shape)


def mixed(n: Tensor) -> Tensor:
    """A bijection of 32 bits in which each bit of the result depends on every bit of n (Wellons 2018, lowbias32)."""
    n = (n ^ shifted(n, 16)) * 0x7FEB352D
    n = (n ^ shifted(n, 15)) * (0x846CA68B - 2**32)
    return n ^ shifted(n, 16)


def shifted(n: Tensor, bits: int) -> Tensor:
    """n >> bits of an int32 without a sign: torch's would draw the sign in."""
    return (n >> bits) & ((1 << (32 - bits)) - 1)


def named(name: str, kind: Binarisation) -> str:
    """A measure's name with the binarisation in it: elbo_static."""
    return name if kind == "none" else f"{name}_{kind}"
