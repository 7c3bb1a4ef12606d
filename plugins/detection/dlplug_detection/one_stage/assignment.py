"""Which object each prediction is to find.

N: images, M: rows of objects, Q: cells of the map, A: predictions of a cell, P = QA: predictions, cell by cell.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dlplug_detection.one_stage.anchors import shape_iou


def assigned(
    boxes: Tensor, counts: Tensor, cells: Tensor, stride: Tensor, anchors: Tensor | None, radius: float, fit: float
) -> Tensor:
    """The row of each prediction's object, (N, P), and -1 for background; boxes (N, M, 4), counts (N,).

    A cell belongs to the object with the nearest centre, if that is less than `radius` strides away in both
    directions (centre sampling: Tian et al. 2019, arXiv:1904.01355). There is one map for all sizes, and objects of one
    size may overlap, so that the nearest decides, not the smallest. Of the anchors, those are used whose shape has an
    IoU of at least `fit` with the object's, and its best one in any case (Redmon & Farhadi 2018, arXiv:1804.02767).

    cells: (Q, 2), the cells' centres. stride: (2,), the distance of two cells across and down.
    anchors: (A, 2), or None for one prediction in each cell.
    """
    exists = torch.arange(boxes.shape[1], device=boxes.device) < counts[:, None]
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    apart = (cells - centres[:, :, None]) / stride  # (N, M, Q, 2)
    near = (apart.abs() < radius).all(-1) & exists[..., None]
    distance = apart.square().sum(-1).masked_fill(~near, torch.inf)[..., None]
    if anchors is not None:
        iou = shape_iou(boxes[..., 2:] - boxes[..., :2], anchors)
        fits = (iou >= fit) | (iou == iou.amax(-1, keepdim=True))
        distance = distance.masked_fill(~fits[:, :, None], torch.inf)  # (N, M, Q, A)
    nearest = distance.flatten(2).min(1)
    return nearest.indices.masked_fill(nearest.values.isinf(), -1)
