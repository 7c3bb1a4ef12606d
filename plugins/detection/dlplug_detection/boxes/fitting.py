"""Pictures of any size fitted into the size of a network's input."""

from __future__ import annotations

from typing import Any

import numpy as np

Pixels = np.ndarray[Any, Any]


def fitted(pixels: Pixels, height: int, width: int) -> tuple[Pixels, float]:
    """Pixels (H, W, C) uint8 scaled to fit into (height, width, C), the rest on the right and below black; and the
    factor by which boxes are scaled."""
    from PIL import Image

    scale = min(height / pixels.shape[0], width / pixels.shape[1])
    rows, columns = scaled_size(pixels.shape[0], pixels.shape[1], scale)
    if scale != 1:
        picture = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
        pixels = np.asarray(picture.resize((columns, rows), Image.Resampling.BILINEAR)).reshape(rows, columns, -1)
    return np.pad(pixels, ((0, height - rows), (0, width - columns), (0, 0))), scale


def scaled_size(height: int, width: int, scale: float) -> tuple[int, int]:
    return max(1, round(height * scale)), max(1, round(width * scale))
