"""What a network sees in a picture of any size: the picture is scaled to fit into the size of the training images, and
what is seen is scaled back."""

from __future__ import annotations

import numpy as np
import torch
from dlplug_images.images import scaled
from torch import Tensor

from dlplug_detection.boxes.batches import Detections
from dlplug_detection.boxes.fitting import Pixels, fitting_scale, rescaled, scaled_size


def network_input(pixels: Pixels, images: Tensor, device: torch.device) -> tuple[Tensor, float]:
    """RGB (H, W, 3) as an input (1, C, h, w) no larger than the images (N, H', W', C) that the network was trained on,
    and the factor of its size."""
    scale = fitting_scale(pixels.shape[0], pixels.shape[1], images.shape[1], images.shape[2])
    small = rescaled(pixels, scale)
    if images.shape[3] == 1:
        small = luma(small)
    return scaled(torch.from_numpy(small.copy())[None].to(device)), scale


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
    """Maps (N, h, w) of a scaled picture as (N, height, width) of the original, by the nearest pixel."""
    rows, columns = scaled_size(height, width, scale)
    y = (torch.arange(height) + 0.5).mul(rows / height).long().clamp(max=rows - 1)
    x = (torch.arange(width) + 0.5).mul(columns / width).long().clamp(max=columns - 1)
    return maps[:, y[:, None], x]
