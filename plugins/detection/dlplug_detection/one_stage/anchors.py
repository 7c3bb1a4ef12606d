"""Anchors: the shapes of boxes that a prediction begins from, fitted to the training split's boxes.

A shape is (width, height) in pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dlplug import UserError


def shape_iou(shapes: Tensor, anchors: Tensor) -> Tensor:
    """The IoU of each of shapes (..., 2) with each of anchors (A, 2), as if their centres coincided: (..., A)."""
    both = torch.minimum(shapes[..., None, :], anchors).prod(-1)
    return both / (shapes.prod(-1)[..., None] + anchors.prod(-1) - both)


def fitted_anchors(shapes: Tensor, count: int, iterations: int = 100) -> Tensor:
    """k-means of shapes (K, 2) under the distance 1 - IoU (Redmon & Farhadi 2017, arXiv:1612.08242, section 2):
    (count, 2), the smallest first. It begins from quantiles of the areas, so that nothing is random.

    Raises UserError where the training split has fewer boxes than that.
    """
    if len(shapes) < count:
        raise UserError(f"--model.anchors {count}: the training split has only {len(shapes)} boxes")
    by_area = shapes[shapes.prod(-1).argsort()]
    anchors = by_area[((torch.arange(count) + 0.5) / count * len(shapes)).long()]
    nearest = torch.full((len(shapes),), -1)
    for _ in range(iterations):
        before, nearest = nearest, shape_iou(shapes, anchors).argmax(1)
        if torch.equal(before, nearest):
            break
        members = [shapes[nearest == a] for a in range(count)]
        anchors = torch.stack([m.mean(0) if len(m) else anchors[a] for a, m in enumerate(members)])
    return anchors[anchors.prod(-1).argsort()]
