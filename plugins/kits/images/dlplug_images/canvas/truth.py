"""The truth of painted canvases: which objects are visible, and the boxes around what is visible of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlplug_images.canvas.glyphs import OWN
from dlplug_images.canvas.layout import Objects
from dlplug_images.canvas.painting import windows


class Truth(NamedTuple):
    """The visible objects of N canvases: counts (N,); object (N, most), the number in painting order, and boxes
    (N, most, 4), both padded beyond the count, with -1 and 0; instances (N, H, W): 0 or the row + 1."""

    counts: NDArray[np.int64]
    object: NDArray[np.int64]
    boxes: NDArray[np.int64]
    instances: NDArray[np.uint8]


def truth_of(
    instances: NDArray[np.uint8], objects: Objects, opacities: NDArray[np.uint8], least_visible: float
) -> Truth:
    """Leaves out each object of which less than `least_visible`, or nothing, is visible. `instances` is painted, with
    its margin, and is renumbered in place."""
    boxes, areas = visible_boxes(instances, objects, opacities.shape[2])
    own = np.count_nonzero(opacities >= OWN, axis=(2, 3))
    visible = (areas > 0) & (areas >= least_visible * own)
    counts = visible.sum(1)
    order = np.argsort(~visible, axis=1, kind="stable")
    padding = np.arange(order.shape[1]) >= counts[:, None]
    boxes = np.where(padding[..., None], 0, np.take_along_axis(boxes, order[..., None], 1))
    renumber(instances, visible, objects.counts)
    return Truth(counts, np.where(padding, -1, order), boxes, instances)


def visible_boxes(
    instances: NDArray[np.uint8], objects: Objects, side: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Boxes (N, most, 4) and areas (N, most) of what is visible of each object; 0 beyond the count."""
    boxes = np.zeros((*objects.x.shape, 4), np.int64)
    areas = np.zeros(objects.x.shape, np.int64)
    squares = windows(instances, side)
    for k in range(objects.x.shape[1]):
        n = np.flatnonzero(objects.counts > k)
        y, x = objects.y[n, k], objects.x[n, k]
        seen = squares[n, y, x] == k + 1
        rows, columns = seen.any(2), seen.any(1)
        first, last = (side_of.argmax(1) for side_of in (columns, columns[:, ::-1]))
        top, bottom = (side_of.argmax(1) for side_of in (rows, rows[:, ::-1]))
        boxes[n, k] = np.stack([x + first, y + top, x + side - last, y + side - bottom], 1)
        areas[n, k] = np.count_nonzero(seen, axis=(1, 2))
    return boxes, areas


def renumber(instances: NDArray[np.uint8], visible: NDArray[np.bool_], counts: NDArray[np.int64]) -> None:
    """Numbers the visible objects of each canvas from 1 on, in place; the pixels of hidden ones become 0."""
    some_hidden = np.flatnonzero(visible.sum(1) < counts)
    for n in some_hidden:
        numbers = np.zeros(visible.shape[1] + 1, np.uint8)
        numbers[1:] = np.where(visible[n], visible[n].cumsum(), 0)
        instances[n] = numbers[instances[n]]
