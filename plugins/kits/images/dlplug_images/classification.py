"""Metrics of classifiers on a whole split: accuracy, top-5 accuracy, cross entropy, calibration error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import PositiveInt
from dlplug.stop import stoppable
from dlplug_images.images import HeldOut, scaled


def logits_of(model: nn.Module, images: Tensor, batch_size: int = 500) -> Tensor:
    """The logits (N, classes) of uint8 images (N, H, W, C), on the CPU."""
    device = next(model.parameters()).device
    return torch.cat([model(scaled(part.to(device))).float() for part in stoppable(images.split(batch_size))]).cpu()


def classification(model: nn.Module, data: HeldOut, *, bins: PositiveInt = 15) -> Mapping[str, Any]:
    """Accuracy, top-5 accuracy, cross entropy and calibration error.

    bins: number of confidence bins of the calibration error; 15 in Guo et al. 2017.
    """
    logits = logits_of(model, data.images)
    return {
        "accuracy": top_k_accuracy(logits, data.y, 1),
        "top5": top_k_accuracy(logits, data.y, 5),
        "loss": F.cross_entropy(logits, data.y),
        "calibration_error": calibration_error(logits.softmax(1), data.y, bins),
    }


def top_k_accuracy(logits: Tensor, y: Tensor, count: int) -> Tensor:
    """The fraction of examples whose class is among the `count` largest logits; logits (N, C), y (N,)."""
    best = logits.topk(min(count, logits.shape[1]), dim=1).indices
    return (best == y[:, None]).any(1).float().mean()


def calibration_error(probability: Tensor, y: Tensor, bins: int = 15) -> Tensor:
    """Expected calibration error of probability (N, C) and y (N,) (Guo et al. 2017, arXiv:1706.04599, eq. 3)."""
    confidence, chosen = probability.max(1)
    # bin m holds the confidences in ((m - 1)/M, m/M]
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1
    right, sure = torch.zeros(bins), torch.zeros(bins)
    right.index_add_(0, place, (chosen == y).float())
    sure.index_add_(0, place, confidence)
    # ECE = Σ_m |B_m|/N |acc(B_m) - conf(B_m)|
    return (right - sure).abs().sum() / len(y)
