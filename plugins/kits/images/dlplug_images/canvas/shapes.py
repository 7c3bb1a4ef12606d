"""Shapes as square pictures, by an inequality each: no drawing library."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]

# whether points (x, y) of the square [-1, 1]² are inside a shape; y goes down
SHAPES: dict[str, Callable[[Field, Field], NDArray[np.bool_]]] = {
    "circle": lambda x, y: x**2 + y**2 <= 1,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) <= 1,
    "triangle": lambda x, y: 2 * abs(x) <= y + 1,
    "diamond": lambda x, y: abs(x) + abs(y) <= 1,
    "cross": lambda x, y: np.minimum(abs(x), abs(y)) <= 1 / 3,
    "ring": lambda x, y: (x**2 + y**2 <= 1) & (x**2 + y**2 >= 1 / 4),
    "crescent": lambda x, y: (x**2 + y**2 <= 1) & ((x - 0.5) ** 2 + y**2 > 0.5),
    "bar": lambda x, y: abs(y) <= 1 / 4,
}


def shape_pictures(side: int = 32, samples: int = 8) -> NDArray[np.uint8]:
    """(shapes, side, side): how much of each pixel is covered, by `samples`² points in it."""
    points = (np.arange(side * samples) + 0.5) / (side * samples) * 2 - 1
    x, y = points[None, :], points[:, None]
    inside = np.stack([np.broadcast_to(within(x, y), (len(points),) * 2) for within in SHAPES.values()])
    covered = inside.reshape(-1, side, samples, side, samples).mean((2, 4))
    return np.floor(covered * 255 + 0.5).astype(np.uint8)
