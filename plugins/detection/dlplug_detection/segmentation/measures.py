"""Mean intersection over union and pixel accuracy, from one confusion matrix over a whole split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from dlplug_images.images import scaled
from torch import Tensor

from dlplug import PositiveInt, Table, neutral_options
from dlplug.stop import stoppable
from dlplug_detection.segmentation.batches import HeldOutMaps, Segmenter


def segmented(model: Segmenter, images: Tensor, batch_size: int = 16) -> Tensor:
    """The classes (N, H, W) uint8 that a model gives uint8 images (N, H, W, C), on the CPU."""
    device = next(model.parameters()).device
    parts = stoppable(images.split(batch_size))
    return torch.cat([model.segment(scaled(part.to(device))).byte().cpu() for part in parts])


@neutral_options("batch_size")
def segmentation(model: Segmenter, data: HeldOutMaps, *, batch_size: PositiveInt = 16) -> Mapping[str, Any]:
    """Mean intersection over union of the classes, over one confusion matrix of the whole split, and pixel accuracy.

    Pixels without a class count nowhere. A class that neither the truth nor the model has is left out of the mean; of
    how many classes it is the mean is `classes_split`.

    batch_size: images segmented at a time.
    """
    matrix = confusion(segmented(model, data.images, batch_size), data.classes, len(data.names))
    ratios = intersection_over_union(matrix)
    counted = ~ratios.isnan()
    values = {f"iou_split_{name}": value for name, value in zip(data.names, ratios, strict=True) if not value.isnan()}
    return {
        "miou_split": ratios[counted].mean(),
        "pixel_accuracy": matrix.trace() / matrix.sum().clamp(min=1),
        "classes_split": int(counted.sum()),
        **values,
        "classes": class_table(matrix, data.names),
    }


def confusion(predicted: Tensor, true: Tensor, classes: int) -> Tensor:
    """(classes, classes) int64: entry (i, j) is the number of pixels of class i that were given class j; of maps
    (N, H, W), where a true class beyond the last is ignored."""
    matrix = torch.zeros(classes * classes, dtype=torch.int64)
    for one, truth in zip(predicted, true, strict=True):
        valid = truth < classes
        matrix += torch.bincount(truth[valid].long() * classes + one[valid].long(), minlength=classes * classes)
    return matrix.view(classes, classes)


def intersection_over_union(matrix: Tensor) -> Tensor:
    """(classes,): n_ii / (Σ_j n_ij + Σ_j n_ji - n_ii) of a confusion matrix; NaN for a class that neither has."""
    both = matrix.diagonal()
    return both / (matrix.sum(0) + matrix.sum(1) - both)


def class_table(matrix: Tensor, names: tuple[str, ...]) -> Table:
    """For each class its IoU, the fraction of its pixels that were found (recall), the fraction of the pixels given to
    it that are its own (precision), and its share of all pixels."""
    both, true, given = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
    numbers = (intersection_over_union(matrix), both / true, both / given, true / matrix.sum().clamp(min=1))
    rows = [[name, *(round(float(column[n]), 4) for column in numbers)] for n, name in enumerate(names)]
    return Table(["class", "IoU", "recall", "precision", "share"], rows, "per class, one confusion matrix")
