"""Objects that move on straight lines and bounce off the canvas's edges, as in Moving MNIST (Srivastava et al. 2015,
arXiv:1502.04681)."""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import NDArray

from dlplug_images.canvas.draws import MOTION, uniforms
from dlplug_images.canvas.layout import Objects

UNIT = 256  # positions and velocities are whole numbers of 1/256 pixel, so that every machine moves alike


def start(
    objects: Objects, room: NDArray[np.int64], seed: int, index: NDArray[np.int64], speed: tuple[float, float]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Uniform positions in the room and velocities in a uniform direction, both (N, most, 2), in 1/256 pixel.

    room: (N, most, 2), how far the left and the upper edge of an object's square can move, in pixels.
    speed: slowest and fastest, in pixels per frame.
    """
    number, most = objects.x.shape
    u = uniforms(seed, MOTION, index, 4 * most).reshape(number, 4, most)
    positions = np.floor(u[:, :2].transpose(0, 2, 1) * (room * UNIT + 1)).astype(np.int64)
    pace, angle = speed[0] + (speed[1] - speed[0]) * u[:, 2], 2 * pi * u[:, 3]
    velocities = np.stack([np.cos(angle), np.sin(angle)], 2) * (pace * UNIT)[..., None]
    return positions, np.round(velocities).astype(np.int64)


def tracks(
    positions: NDArray[np.int64], velocities: NDArray[np.int64], room: NDArray[np.int64], frames: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions and velocities (N, frames, most, 2) after each step, from the start's (N, most, 2). An object that
    would leave stops at the edge in this frame, and moves the other way from the next one on."""
    places, speeds = [], []
    for _ in range(frames):
        moved = positions + velocities
        positions = np.clip(moved, 0, room * UNIT)
        velocities = np.where((moved <= 0) | (moved >= room * UNIT), -velocities, velocities)
        places.append(positions)
        speeds.append(velocities)
    return np.stack(places, 1), np.stack(speeds, 1)
