"""Batches of generated canvases and videos with their truth."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Scenes(NamedTuple):
    """N canvases. Rows of objects are padded to the most (M): those from `counts` on are 0 in boxes, -1 in labels and
    colours. Visible objects stand in painting order: later ones lie on top.

    images: (N, 1 or 3, H, W) uint8.
    boxes: (N, M, 4) float32, x1, y1, x2, y2 in pixels, tight around the object's visible pixels, x2 and y2 exclusive.
    labels: (N, M) int64, classes from 0 on.
    colours: (N, M) int64, numbers in `layout.PALETTE`; white on grey canvases.
    counts: (N,) int64, the number of objects whose visible fraction is at least `Scenery.visible`.
    class_map: (N, H, W) uint8, 0 where there is nothing, otherwise the class + 1; hidden objects' visible rest too.
    instance_map: (N, H, W) uint8, 0 or the object's row + 1.
    """

    images: Tensor
    boxes: Tensor
    labels: Tensor
    colours: Tensor
    counts: Tensor
    class_map: Tensor
    instance_map: Tensor


class Videos(NamedTuple):
    """N videos of T frames, and the tracks of all objects, hidden or not.

    frames: images and truth of every frame, whose tensors have an axis T after N: images (N, T, 1 or 3, H, W), ….
    track: (N, T, M) int64, the track of each row of boxes; -1 beyond the count.
    track_labels: (N, M) int64, the class of each track; -1 where there is none.
    positions: (N, T, M, 2) float32, x and y of the upper left corner of the object's square, in pixels, before they are
        rounded down to draw it.
    velocities: (N, T, M, 2) float32, in pixels per frame, of the step to the next frame.
    """

    frames: Scenes
    track: Tensor
    track_labels: Tensor
    positions: Tensor
    velocities: Tensor


def masks(instance_map: Tensor, most: int) -> Tensor:
    """(…, most, H, W) bool of an instance map (…, H, W): the visible pixels of each object; none beyond the count."""
    rows = torch.arange(1, most + 1, dtype=instance_map.dtype, device=instance_map.device)
    return instance_map[..., None, :, :] == rows[:, None, None]
