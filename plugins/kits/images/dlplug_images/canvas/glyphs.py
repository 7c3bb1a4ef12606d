"""Glyphs, the pictures of what lies on a canvas, and how they are drawn at any size."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from dlplug import UserError, nearest
from dlplug_images.canvas.shapes import SHAPES, shape_pictures
from dlplug_images.images import Images

Kind = Literal["digits", "mnist", "shapes"]
Split = Literal["train", "val", "test"]

OWN = 96  # the opacity, of 255, from which a pixel belongs to an object


class Glyphs(NamedTuple):
    """Square pictures of opacity (G, P, P) uint8, their classes (G,) int64, and the names of the classes."""

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]


def glyphs_of(kind: Kind, split: Split = "train") -> Glyphs:
    """The glyphs of a split: scikit-learn's digits (1078, 359 and 360 of 8x8 pixels), MNIST (28x28), or eight shapes,
    which are the same in all splits. Only MNIST needs a download."""
    if kind == "shapes":
        return Glyphs(shape_pictures(), np.arange(len(SHAPES)), tuple(SHAPES))
    if kind == "digits":
        from dlplug_images.sets.digits import Digits

        return glyphs_from(Digits(seed=0), split)
    if kind == "mnist":
        from dlplug_images.sets.mnist_cifar import MNIST

        return glyphs_from(MNIST(seed=0), split)
    raise UserError(f"there are no glyphs {kind!r}.{nearest(kind, get_args(Kind))}")


def glyphs_from(data: Images, split: Split = "train") -> Glyphs:
    """The images of any grey, square set as glyphs: their brightness is the opacity."""
    images, labels = data.parts[split]
    if images.shape[3] != 1 or images.shape[1] != images.shape[2]:
        raise UserError(f"glyphs must be square and grey, got images of {'x'.join(map(str, images.shape[1:]))}")
    return Glyphs(images[..., 0].contiguous().numpy(), labels.numpy(), data.names)


class Enlarger:
    """Draws glyphs of `side` pixels at sizes from `smallest` to `largest` pixels: bilinearly if larger, and averaged by
    a triangle as wide as it must be if smaller.

    Weights are multiples of 1/128, so that float32 is exact and every machine draws the same pixels.
    """

    def __init__(self, side: int, smallest: int, largest: int) -> None:
        self.smallest, self.largest = smallest, largest
        self.weights = np.stack([resize_weights(side, size, largest) for size in range(smallest, largest + 1)])

    def __call__(self, pictures: NDArray[np.uint8], sizes: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Pictures (M, side, side) at sizes (M,), in the upper left corner of (M, largest, largest)."""
        weights = self.weights[sizes - self.smallest]
        drawn = weights @ pictures.astype(np.float32) @ weights.transpose(0, 2, 1)
        return (drawn * 2.0**-14 + 0.5).astype(np.uint8)


def resize_weights(side: int, size: int, rows: int) -> NDArray[np.float32]:
    """(rows, side): the weight, in 1/128, of each of `side` pixels in each of `size`; rows beyond are 0."""
    scale = side / size
    centres = (np.arange(size) + 0.5) * scale
    distances = abs(centres[:, None] - np.arange(side) - 0.5)
    exact = np.maximum(0, 1 - distances / max(1, scale))
    rounded = np.floor(exact / exact.sum(1, keepdims=True) * 128 + 0.5)
    rounded[np.arange(size), rounded.argmax(1)] += 128 - rounded.sum(1)
    weights = np.zeros((rows, side), np.float32)
    weights[:size] = rounded
    return weights
