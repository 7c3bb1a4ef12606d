"""Binarisation of grey pixels. It is part of every likelihood's name: the two kinds differ by about 2 nats on MNIST.

- static: each image is binarised once, so that the data set is a fixed set of binary images, like Larochelle's;
- dynamic: each image is binarised again each time it is used.

Either way a pixel is white with a probability equal to its grey value. The static noise is a hash of the image's bytes:
the same in every epoch, split, process and run, without an index for each image.
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
        raise UserError("points cannot be binarised: use --loss.binarisation none")
    noise = noise_of(x) if kind == "static" else torch.rand_like(x)
    return (noise < x).to(x.dtype)


def noise_of(x: Tensor) -> Tensor:
    """A number in [0, 1) for each pixel of x (B, C, H, W) in [0, 1], as a function of the whole image and the position.

    A 32-bit hash in integers that wrap around: an image's key is the sum of its 256 levels, each multiplied by a number
    of its position; each position's number is then mixed with the key.
    """
    levels = (x.flatten(1) * 255).round().int()
    place = torch.arange(1, levels.shape[1] + 1, dtype=torch.int32, device=x.device) * GOLDEN
    key = mixed((levels * (mixed(place) | 1)).sum(1, dtype=torch.int32))
    # the upper 24 bits: as many as a float32 represents exactly
    return (shifted(mixed(key[:, None] ^ place), 8).to(x.dtype) / 2**24).view(x.shape)


def mixed(n: Tensor) -> Tensor:
    """A bijection of 32 bits in which each bit of the result depends on every bit of n (Wellons 2018, lowbias32)."""
    n = (n ^ shifted(n, 16)) * 0x7FEB352D
    n = (n ^ shifted(n, 15)) * (0x846CA68B - 2**32)
    return n ^ shifted(n, 16)


def shifted(n: Tensor, bits: int) -> Tensor:
    """Logical right shift n >> bits of an int32; torch's is arithmetic and would extend the sign."""
    return (n >> bits) & ((1 << (32 - bits)) - 1)


def named(name: str, kind: Binarisation) -> str:
    """A metric's name with the binarisation appended, such as elbo_static."""
    return name if kind == "none" else f"{name}_{kind}"
