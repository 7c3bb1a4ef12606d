"""The metric of detectors: average precision on a whole split, by boxes and, where there are any, by masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from dlplug_images.images import scaled
from torch import Tensor

from dlplug import PositiveInt, UserError, checked_by, neutral_options
from dlplug.stop import stoppable
from dlplug_detection.boxes.batches import Detections, Detector, HeldOut
from dlplug_detection.measures.precision import Precision, precision
from dlplug_detection.pictures.curves import class_table, precision_recall


def detected(model: Detector, images: Tensor, batch_size: int = 32) -> list[Detections]:
    """What is found in each of uint8 images (N, H, W, C), on the CPU."""
    device = next(model.parameters()).device
    found: list[Detections] = []
    for part in stoppable(images.split(batch_size)):
        found += [on_cpu(one) for one in model.detect(scaled(part.to(device)))]
    return found


def on_cpu(found: Detections) -> Detections:
    masks = None if found.masks is None else found.masks.cpu()
    return Detections(found.boxes.float().cpu(), found.scores.float().cpu(), found.labels.cpu(), masks)


def has_objects(model: Detector, data: HeldOut, **options: Any) -> None:
    """Raises UserError for a split without an object, of which no precision is defined."""
    if not data.targets.counts.sum():
        raise UserError(f"none of the {len(data.images)} held-out images has an object to be found")


@checked_by(has_objects)
@neutral_options("batch_size")
def detection(model: Detector, data: HeldOut, *, batch_size: PositiveInt = 32) -> Mapping[str, Any]:
    """Average precision by COCO's and VOC 2007's definitions, and for each class, with a table and curves.

    batch_size: images per batch of the evaluation.
    """
    found = detected(model, data.images, batch_size)
    boxes = precision(found, data.targets, len(data.names))
    values: dict[str, Any] = numbers(boxes, data.names) | {"map50_voc07": float(np.nanmean(boxes.voc07.mean(1)))}
    if data.targets.masks is not None and all(one.masks is not None for one in found):
        masks = numbers(precision(found, data.targets, len(data.names), masks=True), data.names)
        values |= {f"mask_{name}": value for name, value in masks.items()}
    return values | {
        "classes": class_table(boxes, data.names),
        "precision_recall": precision_recall(boxes, data.names),
    }


def numbers(measured: Precision, names: tuple[str, ...]) -> dict[str, float]:
    """map50_coco101: mean over classes of the average precision at an overlap of .50; map_coco101: also over overlaps
    of .50, .55, … .95; ap50_coco101_NAME of each class. Classes without an object are left out."""
    ap = measured.ap()
    values = {"map50_coco101": float(np.nanmean(ap[:, 0])), "map_coco101": float(np.nanmean(ap))}
    of_class = zip(names, ap[:, 0].tolist(), measured.objects.tolist(), strict=True)
    return values | {f"ap50_coco101_{name}": value for name, value, objects in of_class if objects}
