"""Random numbers as a pure function of (seed, stream, index, column): the same on every machine, for any batch of
indices, in any order. They are SplitMix64's (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195)."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)

# independent streams of one scene
LAYOUT, BACKGROUND, NOISE, MOTION = range(4)


def mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's output function, in place."""
    for shift, factor in zip(SHIFTS, FACTORS, strict=False):
        x ^= x >> shift
        x *= factor
    x ^= x >> SHIFTS[2]
    return x


def words(seed: int, stream: int, index: NDArray[np.int64], count: int, start: int = 0) -> NDArray[np.uint64]:
    """(N, count) random 64-bit words for the indices (N,): the columns from `start` on of an endless row each."""
    key = mixed(np.array([seed % 2**64], np.uint64) + GOLDEN)
    key = mixed((key ^ np.uint64(stream)) + GOLDEN)
    key = mixed((key ^ index.astype(np.uint64)) + GOLDEN)
    columns = np.arange(start + 1, start + count + 1, dtype=np.uint64) * GOLDEN
    return mixed(key[:, None] + columns)


def uniforms(seed: int, stream: int, index: NDArray[np.int64], count: int, start: int = 0) -> NDArray[np.float64]:
    """(N, count) numbers in [0, 1), multiples of 2^-53."""
    return (words(seed, stream, index, count, start) >> np.uint64(11)) * np.float64(2.0**-53)


def whole(u: NDArray[np.float64], lowest: int | NDArray, highest: int | NDArray) -> NDArray[np.int64]:
    """Whole numbers from `lowest` to `highest`, both included, of uniform `u`."""
    return np.floor(u * (highest - lowest + 1)).astype(np.int64) + lowest


def gaussian_noise(seed: int, index: NDArray[np.int64], shape: tuple[int, ...], deviation: float) -> NDArray[np.int16]:
    """(N, *shape) whole numbers from a normal distribution in 256 equally likely steps: at most 2.9 deviations."""
    quantiles = [NormalDist().inv_cdf((step + 0.5) / 256) for step in range(256)]
    steps = np.round(np.array(quantiles) * deviation).astype(np.int16)
    size = int(np.prod(shape))
    # the bytes of a word come in the same order on every machine
    noise = words(seed, NOISE, index, -(-size // 8)).astype("<u8", copy=False).view(np.uint8)
    return np.take(steps, noise[:, :size]).reshape(len(index), *shape)
