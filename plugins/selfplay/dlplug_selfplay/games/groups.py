"""Connected groups of stones, kept up to date move by move: for Hex and Go."""

from __future__ import annotations

import numpy as np


def merged(group: np.ndarray, points: np.ndarray, neighbours: np.ndarray, same: np.ndarray) -> np.ndarray:
    """The groups after a stone was put on a point of each board: it and the groups of its neighbours of the same colour
    become one group, named by the point.

    group: (n, m) int16, the name of each point's group, -1 where there is no stone. points: (n,). neighbours: (n, k)
    points; those that do not count are False in same, (n, k) bool.
    """
    index = np.arange(len(points))
    names = np.where(same, np.take_along_axis(group, neighbours, 1), -2)  # (n, k); no group is called -2
    joins = (group[:, :, None] == names[:, None, :]).any(2)
    group = np.where(joins, points[:, None].astype(group.dtype), group)
    group[index, points] = points
    return group


def neighbours_on(height: int, width: int, steps: tuple[tuple[int, int], ...], outside: int) -> np.ndarray:
    """(points, k): the neighbours of each point by steps (rows, columns); `outside` for those not on the board."""
    table = np.full((height * width, len(steps)), outside)
    for y in range(height):
        for x in range(width):
            for k, (dy, dx) in enumerate(steps):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    table[y * width + x, k] = (y + dy) * width + x + dx
    return table
