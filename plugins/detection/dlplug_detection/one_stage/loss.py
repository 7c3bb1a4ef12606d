"""The loss of one-stage detectors: objectness, boxes, classes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dlplug import Fraction, NonNegativeFloat, PositiveFloat, minimise
from dlplug_detection.boxes.batches import Boxed
from dlplug_detection.one_stage.assignment import assigned
from dlplug_detection.one_stage.model import OneStage


@minimise
def one_stage(
    model: OneStage,
    batch: Boxed,
    *,
    gamma: NonNegativeFloat = 2.0,
    box_weight: PositiveFloat = 2.0,
    radius: PositiveFloat = 1.5,
    fit: Fraction = 0.5,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Quality focal loss of the objectness, GIoU loss of the boxes, cross entropy of the classes, over the positives.

    gamma: γ of the focal loss; 2 in Li et al. 2020 (there β). 0 is binary cross entropy.
    box_weight: weight of the boxes' loss; 2 in Li et al. 2020.
    radius: a cell is positive within so many strides of an object's centre; 1.5 in FCOS.
    fit: smallest IoU of the shapes of an anchor and an object that it may predict.
    """
    from torchvision.ops import generalized_box_iou_loss

    predictions = model(batch.images)
    anchors = model.anchors if model.anchored else None
    row = assigned(batch.boxes, batch.counts, predictions.cells, predictions.stride, anchors, radius, fit)
    image, place = (row >= 0).nonzero(as_tuple=True)
    row = row[image, place]
    positives = max(1, len(row))
    boxes = generalized_box_iou_loss(predictions.boxes[image, place], batch.boxes[image, row])
    classes = F.cross_entropy(predictions.classes[image, place], batch.labels[image, row], reduction="sum") / positives
    quality = torch.zeros_like(predictions.objectness)
    quality[image, place] = (1 - boxes.detach()).clamp(min=0)  # GIoU itself, which is at most the IoU
    objectness = quality_focal_loss(predictions.objectness, quality, gamma).sum() / positives
    box = boxes.sum() / positives
    return objectness + box_weight * box + classes, {"objectness": objectness, "box": box, "class": classes}


def quality_focal_loss(logits: Tensor, quality: Tensor, gamma: float) -> Tensor:
    """Focal loss for targets in [0, 1], of any shape (Li et al. 2020, arXiv:2006.04388, equation 4).

    QFL = -|y - σ|^γ ((1 - y) log(1 - σ) + y log σ)
    """
    entropy = F.binary_cross_entropy_with_logits(logits, quality, reduction="none")
    return (quality - logits.sigmoid()).abs() ** gamma * entropy
