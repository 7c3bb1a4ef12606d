"""Pictures and class maps from files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def picture_of(source: Path | io.BytesIO) -> NDArray[np.uint8]:
    """(H, W, 3) uint8. For a file that Pillow cannot read, its exception is raised."""
    from PIL import Image, ImageOps

    with Image.open(source) as file:
        return np.asarray(ImageOps.exif_transpose(file).convert("RGB"))


def values_of(source: Path | io.BytesIO) -> NDArray[np.uint8]:
    """(H, W) uint8: the numbers of a palette or of grey levels. Raises ValueError for an image of another kind."""
    from PIL import Image

    with Image.open(source) as file:
        if file.format == "JPEG":
            raise ValueError("a mask as JPEG, which changes its numbers; save masks as PNG")
        if file.mode == "1":
            return np.asarray(file).astype(np.uint8)
        values = np.asarray(file)
        if file.mode not in ("L", "P") and not (file.mode.startswith("I") and values.max() < 256):
            raise ValueError(f"its mode is {file.mode}; expected a palette or 8 bits of grey")
    return values.astype(np.uint8)
