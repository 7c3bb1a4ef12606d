"""Boxes and masks drawn over images."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from dlplug_figures.figure import COLOURS
from torch import Tensor

from dlplug_detection.boxes.batches import Detections
from dlplug_detection.boxes.fitting import Pixels

OPACITY = 0.45  # of masks
TRUTH = (160, 160, 160)  # colour of the boxes of the truth
SMALLEST = 256  # least size in pixels of an image's longer side, so that names are legible

Colour = tuple[int, int, int]


def colour_of(label: int) -> Colour:
    """The colour of a class; they repeat after ten."""
    code = COLOURS[label % len(COLOURS)]
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


@functools.cache
def font_of(size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def as_rgb(pixels: Pixels) -> Pixels:
    """uint8 (H, W, 1 or 3) as a copy (H, W, 3)."""
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy()


def with_boxes(
    pixels: Pixels, boxes: Sequence[Sequence[float]], colours: Sequence[Colour], texts: Sequence[str]
) -> Pixels:
    """uint8 (H, W, 3) with boxes (K, 4) in pixels, each in its colour and with its text above; lines and letters grow
    with the picture."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(pixels)
    pen = ImageDraw.Draw(picture)
    line, font = max(1, round(min(pixels.shape[:2]) / 240)), font_of(max(10, round(pixels.shape[0] / 45)))
    for box, colour, text in zip(boxes, colours, texts, strict=True):
        x1, y1, x2, y2 = box
        pen.rectangle((x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)), outline=colour, width=line)
        if text:
            left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
            x = max(0.0, min(x1, pixels.shape[1] - (right - left) - 2))
            y = max(0.0, y1 - (bottom - top) - 3)
            pen.rectangle((x, y, x + right - left + 2, y + bottom - top + 2), fill=colour)
            pen.text((x + 1 - left, y + 1 - top), text, fill="white", font=font)
    return np.asarray(picture)


def with_masks(pixels: Pixels, masks: Tensor, colours: Sequence[Colour]) -> Pixels:
    """uint8 (H, W, 3) with masks (K, H, W) bool laid over it, the first on top."""
    pixels = pixels.copy()
    for mask, colour in reversed(list(zip(masks.numpy(), colours, strict=True))):
        pixels[mask] = (1 - OPACITY) * pixels[mask] + OPACITY * np.array(colour)
    return pixels


def with_detections(pixels: Pixels, found: Detections, names: tuple[str, ...], scores: bool = True) -> Pixels:
    """uint8 (H, W, 1 or 3) with what was found in it, as (H, W, 3)."""
    labels: list[int] = found.labels.tolist()
    colours = [colour_of(label) for label in labels]
    pairs = zip(labels, found.scores.tolist(), strict=True)
    texts = [f"{names[label]} {score:.0%}" if scores else names[label] for label, score in pairs]
    pixels = as_rgb(pixels)
    if found.masks is not None:
        pixels = with_masks(pixels, found.masks, colours)
    return with_boxes(pixels, found.boxes.tolist(), colours, texts)


def enlarged(pixels: Pixels, found: Detections, smallest: int = SMALLEST) -> tuple[Pixels, Detections]:
    """An image (H, W, C) and what was found in it, larger by the least whole factor that reaches `smallest`."""
    factor = max(1, -(-smallest // max(pixels.shape[:2])))
    masks = found.masks
    if masks is not None:
        masks = masks.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
    return pixels.repeat(factor, 0).repeat(factor, 1), found._replace(boxes=found.boxes * factor, masks=masks)


def at_least(found: Detections, score: float) -> Detections:
    """The detections whose score is at least that."""
    kept = found.scores >= score
    masks = None if found.masks is None else found.masks[kept]
    return Detections(found.boxes[kept], found.scores[kept], found.labels[kept], masks)
