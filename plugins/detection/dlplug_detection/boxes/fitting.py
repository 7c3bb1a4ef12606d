"""Pictures of any size fitted into the size of a network's input."""

from __future__ import annotations

from typing import Any

import numpy as np

Pixels = np.ndarray[Any, Any]


def fitted(pixels: Pixels, height: int, width: int) -> tuple[Pixels, float]:
    """RGB (H, W, 3) uint8 scaled to fit into (height, width, 3), the rest on the right and below black; and the factor
    by which boxes are scaled."""
    scale = fitting_scale(pixels.shape[0], pixels.shape[1], height, width)
    pixels = rescaled(pixels, scale)
    return np.pad(pixels, ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0))), scale


def fitting_scale(height: int, width: int, most_height: int, most_width: int) -> float:
    """The factor that makes a picture as large as fits."""
    return min(most_height / height, most_width / width)


def rescaled(pixels: Pixels, scale: float) -> Pixels:
    """RGB (H, W, 3) uint8 smaller or larger by a factor."""
    from PIL import Image

    if scale == 1:
        return pixels
    rows, columns = scaled_size(pixels.shape[0], pixels.shape[1], scale)
    return np.asarray(Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BILINEAR))


def scaled_size(height: int, width: int, scale: float) -> tuple[int, int]:
    return max(1, round(height * scale)), max(1, round(width * scale))
