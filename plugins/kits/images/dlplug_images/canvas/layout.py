"""What lies where: the number, glyphs, sizes, colours and places of the objects of each canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlplug import Fraction, NonNegativeInt, PositiveInt, UserError
from dlplug_images.canvas.draws import LAYOUT, uniforms, whole

CANDIDATES = 16  # places tried for an object before the whole canvas is drawn again
ATTEMPTS = 1000  # how often a canvas is drawn again
TRIALS = 200  # canvases drawn to learn whether a scenery is possible
ACCEPTED = 0.05  # smallest share of them that must fit at the first attempt: 1000 attempts all fail in 1 of 10^22

PALETTE = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (64, 64, 255),
    "yellow": (255, 255, 0),
    "magenta": (255, 0, 255),
    "cyan": (0, 255, 255),
    "white": (255, 255, 255),
}


@dataclass(frozen=True)
class Scenery:
    """What lies on a canvas.

    height: height of the canvas in pixels.
    width: width of the canvas in pixels.
    objects: fewest and most objects on a canvas.
    sizes: smallest and largest side of an object's square, in pixels.
    overlap: largest fraction of the smaller of two objects' squares that they may share; later objects lie on top. 0
        keeps all apart.
    visible: smallest fraction of an object's pixels that must be visible; the truth leaves out objects below it.
    colour: objects in seven colours on RGB canvases; otherwise white ones on grey canvases.
    background: the background's brightness is drawn between 0 and this.
    noise: standard deviation of Gaussian noise on every pixel, as a fraction of white.
    """

    height: PositiveInt = 128
    width: PositiveInt = 128
    objects: tuple[NonNegativeInt, PositiveInt] = (1, 5)
    sizes: tuple[PositiveInt, PositiveInt] = (16, 32)
    overlap: Fraction = 0.0
    visible: Fraction = 0.25
    colour: bool = False
    background: Fraction = 0.0
    noise: Fraction = 0.0

    @property
    def channels(self) -> int:
        return 3 if self.colour else 1


class Objects(NamedTuple):
    """The objects of N canvases in painting order: counts (N,), and of each object, padded to the most (N, most), its
    glyph's number, its size in pixels, the left and upper edge of its square, and its colour's number."""

    counts: NDArray[np.int64]
    glyph: NDArray[np.int64]
    size: NDArray[np.int64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    colour: NDArray[np.int64]


def check(scenery: Scenery, glyphs: int) -> None:
    """Raises UserError, in one line, for options that no canvas can meet."""
    fewest, most = scenery.objects
    smallest, largest = scenery.sizes
    shape = f"{scenery.width}x{scenery.height}"
    if not 0 <= fewest <= most <= 255 or not most:
        raise UserError(f"--data.objects must be two numbers between 0 and 255, the fewer first, got {fewest} {most}")
    if not 0 < smallest <= largest:
        raise UserError(f"--data.sizes must be two positive numbers, the smaller first, got {smallest} {largest}")
    if largest > min(scenery.height, scenery.width):
        raise UserError(f"--data.sizes: an object of {largest} pixels does not fit on a canvas of {shape}")
    for name in ("overlap", "visible", "background", "noise"):
        if not 0 <= getattr(scenery, name) <= 1:
            raise UserError(f"--data.{name} must be between 0 and 1, got {getattr(scenery, name)}")
    _, fits = drawn(scenery, glyphs, 0, np.arange(TRIALS), 0)
    if fits.mean() < ACCEPTED:
        raise UserError(
            f"--data.objects: {fewest} to {most} objects of {smallest} to {largest} pixels do not fit on a canvas of "
            f"{shape} with --data.overlap {scenery.overlap:g}: fewer, smaller, or a larger canvas or overlap"
        )


def arranged(scenery: Scenery, glyphs: int, seed: int, index: NDArray[np.int64]) -> Objects:
    """The objects of the canvases (N,), none overlapping another by more than is allowed. A canvas on which an object
    finds no place is drawn again from the beginning, sizes and number included."""
    objects, fits = drawn(scenery, glyphs, seed, index, 0)
    for attempt in range(1, ATTEMPTS):
        again = np.flatnonzero(~fits)
        if not len(again):
            return objects
        redrawn, fits[again] = drawn(scenery, glyphs, seed, index[again], attempt)
        for field, new in zip(objects, redrawn, strict=True):
            field[again] = new
    raise UserError("--data.objects: too many to find a place for all; fewer, smaller, or a larger canvas or overlap")


def drawn(
    scenery: Scenery, glyphs: int, seed: int, index: NDArray[np.int64], attempt: int
) -> tuple[Objects, NDArray[np.bool_]]:
    """One attempt at the canvases (N,), and whether every object found a place (N,)."""
    most = scenery.objects[1]
    columns = 1 + most * (3 + 2 * CANDIDATES)
    u = uniforms(seed, LAYOUT, index, columns, attempt * columns)
    counts = whole(u[:, 0], *scenery.objects)
    glyph, size, colour = u[:, 1 : 1 + 3 * most].reshape(-1, 3, most).transpose(1, 0, 2)
    glyph, size = whole(glyph, 0, glyphs - 1), whole(size, *scenery.sizes)
    colour = whole(colour, 0, len(PALETTE) - 1) if scenery.colour else np.full_like(glyph, list(PALETTE).index("white"))
    places = u[:, 1 + 3 * most :].reshape(-1, 2, most, CANDIDATES)
    xs = whole(places[:, 0], 0, (scenery.width - size)[..., None])
    ys = whole(places[:, 1], 0, (scenery.height - size)[..., None])
    x, y = xs[..., 0].copy(), ys[..., 0].copy()
    fits = np.ones(len(index), bool)
    for k in range(1, most):
        free = free_places(xs[:, k], ys[:, k], size[:, k], x[:, :k], y[:, :k], size[:, :k], scenery.overlap)
        first = free.argmax(1)[:, None]
        x[:, k], y[:, k] = (np.take_along_axis(place[:, k], first, 1)[:, 0] for place in (xs, ys))
        fits &= free.any(1) | (k >= counts)
    return Objects(counts, glyph, size, x, y, colour), fits


def free_places(
    xs: NDArray, ys: NDArray, size: NDArray, x: NDArray, y: NDArray, sizes: NDArray, overlap: float
) -> NDArray[np.bool_]:
    """Which places (N, C) of a square of `size` (N,) share at most `overlap` of the smaller square with each of the k
    earlier ones at x, y of `sizes` (N, k)."""
    width = shared(xs[..., None], size[:, None, None], x[:, None], sizes[:, None])
    height = shared(ys[..., None], size[:, None, None], y[:, None], sizes[:, None])
    allowed = overlap * np.minimum(size[:, None], sizes) ** 2
    return np.all(width * height <= allowed[:, None], axis=2)


def shared(a: NDArray, a_size: NDArray, b: NDArray, b_size: NDArray) -> NDArray:
    """The length that the intervals [a, a + a_size] and [b, b + b_size] share."""
    return np.maximum(0, np.minimum(a + a_size, b + b_size) - np.maximum(a, b))
