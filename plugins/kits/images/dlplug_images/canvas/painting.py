"""Paints objects on canvases, one object of every canvas at a time: colours, classes and which object each pixel is."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dlplug_images.canvas.glyphs import OWN
from dlplug_images.canvas.layout import Objects

Blend = Literal["over", "brightest"]


class Painted(NamedTuple):
    """images (N, C, H, W), classes (N, H, W): 0 or the class + 1, instances (N, H, W): 0 or the object + 1; uint8, with
    a margin on the right and below, as wide as an object's square less one."""

    images: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    instances: NDArray[np.uint8]


def paint(
    objects: Objects,
    opacities: NDArray[np.uint8],
    labels: NDArray[np.int64],
    colours: NDArray[np.uint8],
    background: NDArray[np.uint8],
    height: int,
    width: int,
    blend: Blend,
) -> Painted:
    """Paints each canvas's objects in their order; opacities (N, most, S, S), labels (N, most), colours (N, most, C),
    background (N, C)."""
    number, channels = background.shape
    most, side = opacities.shape[1:3]
    shape = height + side - 1, width + side - 1
    images = np.empty((number, channels, *shape), np.uint8)
    images[:] = background[:, :, None, None]
    classes, instances = np.zeros((number, *shape), np.uint8), np.zeros((number, *shape), np.uint8)
    image_windows = sliding_window_view(images, (side, side), (2, 3), writeable=True)
    class_windows, instance_windows = (windows(layer, side) for layer in (classes, instances))
    for k in range(most):
        n = np.flatnonzero(objects.counts > k)
        y, x, opacity = objects.y[n, k], objects.x[n, k], opacities[n, k]
        below = image_windows[n, :, y, x]
        image_windows[n, :, y, x] = blended(below, opacity[:, None], colours[n, k, :, None, None], blend)
        own = opacity >= OWN
        class_windows[n, y, x] = np.where(own, (labels[n, k, None, None] + 1).astype(np.uint8), class_windows[n, y, x])
        instance_windows[n, y, x] = np.where(own, np.uint8(k + 1), instance_windows[n, y, x])
    return Painted(images, classes, instances)


def windows(layer: NDArray, side: int) -> NDArray:
    """All squares of `side` pixels of (N, H, W), as a view (N, H - side + 1, W - side + 1, side, side)."""
    return sliding_window_view(layer, (side, side), (1, 2), writeable=True)  # pyright: ignore[reportCallIssue, reportArgumentType]


def blended(below: NDArray[np.uint8], opacity: NDArray[np.uint8], colour: NDArray[np.uint8], blend: Blend) -> NDArray:
    """The object over what is below it, or the brighter of the two, as in Moving MNIST."""
    ink = opacity.astype(np.uint16) * colour
    if blend == "over":
        return ((ink + below * (255 - opacity).astype(np.uint16) + 127) // 255).astype(np.uint8)
    return np.maximum(below, ((ink + 127) // 255).astype(np.uint8))
