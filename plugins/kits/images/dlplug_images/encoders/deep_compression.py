"""The file format of Deep Compression (Han et al. 2016, arXiv:1510.00149): pruned weights as indices into a codebook.

All numbers are little endian. First the number n of stored weights of each layer, uint32. Then for each layer 256
float32, its codebook, of which entry 0 is 0; one float32 bias for each output channel; n bytes, indices into the
codebook; and ⌈n / 2⌉ bytes with two gaps of 4 bits each, the low one first. A gap is the number of zeros before a
stored weight. A run of zeros that is longer than 15 stores zeros of index 0 in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CODES = 256  # entries of a codebook

Shape = tuple[int, ...]


class Layer(NamedTuple):
    """Weights (out, in, height, width) and biases (out,) of a convolution, float32."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


def decompressed(content: bytes, shapes: Sequence[Shape]) -> list[Layer]:
    """The layers of a file, of which the format does not hold the shapes (out, in, height, width). Raises ValueError
    where the content does not fit them."""
    start = 4 * len(shapes)
    counts = np.frombuffer(content[:start].ljust(start, b"\0"), "<u4").tolist()
    sizes = [layer_size(count, shape) for count, shape in zip(counts, shapes, strict=True)]
    if len(content) != start + sum(sizes):
        raise ValueError(f"{len(content)} bytes, where its {len(shapes)} layers need {start + sum(sizes)}")
    ends = start + np.cumsum(sizes)
    ends = 4 * len(shapes) + np.cumsum(sizes)
    return [
        layer_of(content[end - size : end], count, shape)
        for end, size, count, shape in zip(ends, sizes, counts, shapes, strict=True)
    ]


def layer_size(count: int, shape: Shape) -> int:
    """Bytes of a layer with `count` stored weights."""
    return 4 * CODES + 4 * shape[0] + count + (count + 1) // 2


def layer_of(content: bytes, count: int, shape: Shape) -> Layer:
    numbers = np.frombuffer(content, "<f4", CODES + shape[0])
    codebook, bias = numbers[:CODES], numbers[CODES:]
    codes, pairs = np.split(np.frombuffer(content, np.uint8, offset=numbers.nbytes), [count])
    gaps = np.stack([pairs & 15, pairs >> 4], 1).ravel()[:count]
    places = np.cumsum(gaps.astype(np.int64) + 1) - 1
    weight = np.zeros(prod(shape), np.float32)
    if count and places[-1] >= len(weight):
        raise ValueError(f"weight {places[-1]} of a layer that has {len(weight)}")
    weight[places] = codebook[codes]
    return Layer(weight.reshape(shape), bias.astype(np.float32))
