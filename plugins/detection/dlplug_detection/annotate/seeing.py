"""What a network sees in a picture of any size: the picture is fitted into the network's input, and what is seen is
scaled back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from dlplug_images.images import scaled
from torch import Tensor

from dlplug_detection.boxes.batches import Detections, Detector, HeldOut
from dlplug_detection.boxes.fitting import Pixels, fitted, scaled_size
from dlplug_detection.measures.detection import on_cpu
from dlplug_detection.pictures.drawing import at_least, with_classes, with_detections
from dlplug_detection.segmentation.batches import HeldOutMaps, Segmenter

Draw = Callable[[Pixels], Pixels]  # RGB (H, W, 3) uint8 as the same with what is seen drawn over it


def boxes_drawn(model: Detector, data: HeldOut, score: float) -> Draw:
    """Draws the detections of at least that score."""

    def draw(pixels: Pixels) -> Pixels:
        x, scale = network_input(pixels, data.images, model)
        found = at_least(on_cpu(model.detect(x)[0]), score)
        return with_detections(pixels, scaled_back(found, pixels.shape[0], pixels.shape[1], scale), data.names)

    return draw


def classes_drawn(model: Segmenter, data: HeldOutMaps) -> Draw:
    """Draws the class of each pixel."""

    def draw(pixels: Pixels) -> Pixels:
        x, scale = network_input(pixels, data.images, model)
        classes = model.segment(x).cpu()
        return with_classes(pixels, enlarged(classes, pixels.shape[0], pixels.shape[1], scale)[0], data.background)

    return draw


def network_input(pixels: Pixels, images: Tensor, model: Detector | Segmenter) -> tuple[Tensor, float]:
    """RGB (H, W, 3) as the input (1, C, h, w) of a network for images (N, h, w, C), and the factor of its size."""
    height, width, channels = images.shape[1:]
    small, scale = fitted(pixels, height, width)
    if channels == 1:
        small = luma(small)
    return scaled(torch.from_numpy(small)[None].to(next(model.parameters()).device)), scale


def luma(pixels: Pixels) -> Pixels:
    """RGB (H, W, 3) uint8 in grey (H, W, 1), by ITU-R 601-2 as Pillow's."""
    return np.rint(pixels @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)[..., None]


def scaled_back(found: Detections, height: int, width: int, scale: float) -> Detections:
    """What was found in a picture of which `scale` is the factor, in pixels of the original (height, width)."""
    boxes = found.boxes / scale
    boxes[:, 0::2].clamp_(0, width)
    boxes[:, 1::2].clamp_(0, height)
    masks = None if found.masks is None else enlarged(found.masks, height, width, scale)
    return found._replace(boxes=boxes, masks=masks)


def enlarged(maps: Tensor, height: int, width: int, scale: float) -> Tensor:
    """Maps (N, h, w) of a picture fitted into (h, w), as (N, height, width) of the original, by the nearest pixel."""
    rows, columns = scaled_size(height, width, scale)
    y = (torch.arange(height) + 0.5).mul(rows / height).long().clamp(max=rows - 1)
    x = (torch.arange(width) + 0.5).mul(columns / width).long().clamp(max=columns - 1)
    return maps[:, y[:, None], x]
