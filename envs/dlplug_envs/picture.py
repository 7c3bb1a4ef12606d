"""Boards of cells as images."""

from __future__ import annotations

import numpy as np

CELL = 16  # pixels per side: video codecs need multiples of 16

# What a cell may hold, as the row of the palette that paints it.
WALL, FLOOR, PLAYER, GOOD, BAD, BRIGHT = range(6)
_PALETTE = np.array(
    [(24, 24, 32), (70, 74, 88), (92, 170, 255), (255, 200, 60), (214, 84, 84), (240, 240, 244)], dtype=np.uint8
)


def paint(cells: np.ndarray) -> np.ndarray:
    """Cells (rows, columns) of palette numbers to an image (rows * CELL, columns * CELL, 3) uint8."""
    return _PALETTE[cells].repeat(CELL, axis=0).repeat(CELL, axis=1)
