"""Cross entropy over pixels, with weights for rare classes, and the Dice loss."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from dlplug import NonNegativeFloat, ProperFraction, minimise
from dlplug_detection.segmentation.batches import IGNORE, Segmented
from dlplug_detection.segmentation.layers import SegmentationNet

Balance = Literal["none", "median", "root-median"]


@minimise
def segmentation(
    model: SegmentationNet,
    batch: Segmented,
    *,
    balance: Balance = "none",
    smoothing: ProperFraction = 0.0,
    dice: NonNegativeFloat = 0.0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross entropy over all pixels that have a class.

    balance: weights of the classes: `median` is median frequency balancing (Eigen & Fergus 2015, section 4.3.1), over
        the training split; `root-median` is its square root.
    smoothing: label smoothing ε.
    dice: weight of the Dice loss (Milletari et al. 2016, arXiv:1606.04797).
    """
    logits = model(batch.images)
    weights = {"none": None, "median": model.weights, "root-median": model.weights.sqrt()}[balance]
    loss = F.cross_entropy(logits, batch.classes, weights, ignore_index=IGNORE, label_smoothing=smoothing)
    if dice:
        loss = loss + dice * dice_loss(logits, batch.classes)
    valid = batch.classes != IGNORE
    right = (logits.detach().argmax(1) == batch.classes) & valid
    return loss, {"pixel_accuracy": right.sum() / valid.sum().clamp(min=1)}


def dice_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """1 - the mean over the batch's classes of 2 Σ p t / (Σ p² + Σ t²), sums over all pixels that have a class;
    logits (N, C, H, W), classes (N, H, W)."""
    valid = (classes != IGNORE)[:, None]
    probability = logits.softmax(1) * valid
    truth = classes[:, None] == torch.arange(logits.shape[1], device=logits.device)[:, None, None]
    both = (probability * truth).sum((0, 2, 3))
    each = (probability**2).sum((0, 2, 3)) + truth.sum((0, 2, 3))
    present = truth.sum((0, 2, 3)) > 0
    return 1 - torch.where(present, 2 * both / each.clamp(min=1e-6), 0).sum() / present.sum().clamp(min=1)
