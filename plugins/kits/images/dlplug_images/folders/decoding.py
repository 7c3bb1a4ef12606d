"""Decodes image files of any format to pixels: upright, opaque, scaled and cropped to a square."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Pixels = np.ndarray[Any, Any]

WHITES = (1.0, 255.0, 65_535.0)  # the usual largest values of formats without a stated range
SAMPLE_FORMAT, UNSIGNED = 339, (1,)  # of TIFF


def decode(source: Path | io.BytesIO, size: int, grey: bool = False) -> Pixels:
    """(size, size, channels) uint8: rotated by its EXIF orientation, transparent pixels white, scaled so that the
    shorter side fits, and centre-cropped; the first frame of an animation.

    16-bit images are scaled to 8 bits. 32-bit images do not define which value is white: they are returned as float32
    (size, size, 1), for `to_uint8`. For a file that Pillow cannot read, its exception is raised.
    """
    from PIL import Image, ImageOps

    with Image.open(source) as file:
        picture = ImageOps.exif_transpose(file)
        if picture.mode[0] in "IF":
            picture = Image.fromarray(high_depth(picture, file))
        elif picture.has_transparency_data:
            picture = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        if picture.mode != "F":
            picture = picture.convert("L" if grey else "RGB")
    return np.asarray(ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)).reshape(size, size, -1)


def high_depth(picture: Picture, file: Picture) -> Pixels:
    """A 16-bit image as uint8 (H, W), a 32-bit image as float32 (H, W). file: the image as it was opened."""
    values = np.asarray(picture)
    if picture.mode.startswith("I;16") or file.format in ("PNG", "PPM"):
        return np.rint(values / 257).astype(np.uint8)
    if picture.mode == "I" and getattr(file, "tag_v2", {}).get(SAMPLE_FORMAT) == UNSIGNED:
        values = values.view(np.uint32)  # Pillow reads them as signed numbers
    if not np.isfinite(values).all():
        raise ValueError("it has pixels that are not finite")
    return values.astype(np.float32)


def to_uint8(images: Sequence[Pixels], black: float, white: float, grey: bool = False) -> list[Pixels]:
    """All images as uint8; 32-bit images are scaled from black to white. grey: one channel instead of three."""

    def levels(values: Pixels) -> Pixels:
        scaled = np.rint((values - black) / (white - black) * 255).clip(0, 255).astype(np.uint8)
        return scaled if grey else scaled.repeat(3, axis=2)

    return [levels(image) if image.dtype == np.float32 else image for image in images]


def value_range(images: Sequence[Pixels]) -> tuple[float, float] | None:
    """The values of black and white for all 32-bit images: 0, or the least value if that is negative, and the least of
    `WHITES` that no value exceeds, or else the greatest value. None if there are no such images."""
    numbers = [image for image in images if image.dtype == np.float32]
    if not numbers:
        return None
    least, most = min(float(image.min()) for image in numbers), max(float(image.max()) for image in numbers)
    return min(0.0, least), next((white for white in WHITES if most <= white), most)
