"""Average precision: the precision at given recalls, of the detections of a whole split, class by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlplug_detection.boxes.batches import Detections, Targets
from dlplug_detection.measures.matching import (
    Flags,
    Floats,
    Matches,
    box_overlaps,
    coco_matches,
    mask_overlaps,
    voc_matches,
)

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # least overlaps, COCO's
RECALLS = np.linspace(0, 1, 101)  # COCO's
RECALLS_2007 = np.linspace(0, 1, 11)  # VOC 2007's
MOST = 100  # detections of a class in an image, best first; COCO leaves out the others


class Precision(NamedTuple):
    """What a detector reaches on a split. A class without an object to be found has NaN.

    coco: (C, T, 101) precision by class, `THRESHOLDS` and `RECALLS`.
    voc07: (C, 11) precision by class and `RECALLS_2007`, at an overlap of a half; NaN for masks.
    objects: (C,) the number of objects to be found.
    """

    coco: NDArray[np.float64]
    voc07: NDArray[np.float64]
    objects: NDArray[np.int64]

    def ap(self) -> NDArray[np.float64]:
        """(C, T): COCO's average precision, the mean over 101 recalls."""
        return self.coco.mean(2)


class Scene(NamedTuple):
    """One class in one image: scores (K,) best first, overlaps (K, G), ignored and crowd (G,)."""

    scores: Floats
    overlaps: Floats
    ignored: Flags
    crowd: Flags


def precision(found: Sequence[Detections], targets: Targets, classes: int, *, masks: bool = False) -> Precision:
    """The precision of what was found in N images, by boxes or by masks."""
    coco, voc07 = (
        np.full((classes, len(THRESHOLDS), len(RECALLS)), np.nan),
        np.full((classes, len(RECALLS_2007)), np.nan),
    )
    objects = np.zeros(classes, np.int64)
    for label in range(classes):
        scenes = [_scene(*pair, label, masks) for pair in zip(found, _rows(targets), strict=True)]
        objects[label] = sum(np.count_nonzero(~scene.ignored) for scene in scenes)
        if not objects[label]:
            continue
        order = np.argsort(-np.concatenate([scene.scores for scene in scenes]), kind="stable")
        matches = [coco_matches(scene.overlaps, scene.ignored, scene.crowd, THRESHOLDS) for scene in scenes]
        for t, matched in enumerate(_ordered(matches, order)):
            coco[label, t] = precision_at(RECALLS, *matched, int(objects[label]))
        if not masks:
            matches = [voc_matches(scene.overlaps, scene.ignored, 0.5) for scene in scenes]
            voc07[label] = precision_at(RECALLS_2007, *_ordered(matches, order)[0], int(objects[label]))
    return Precision(coco, voc07, objects)


def precision_at(recalls: Floats, hit: Flags, counts: Flags, objects: int) -> NDArray[np.float64]:
    """The highest precision at each recall or a higher one; 0 at recalls that are not reached.

    hit, counts: (K,), as in `Matches`, best first. objects: how many there are to be found.
    """
    hits, alarms = np.cumsum(hit & counts), np.cumsum(~hit & counts)
    highest = np.maximum.accumulate((hits / np.maximum(hits + alarms, 1))[::-1])[::-1]
    return np.append(highest, 0.0)[np.searchsorted(hits / objects, recalls)]


def _rows(targets: Targets) -> list[dict[str, NDArray[Any]]]:
    """The objects of each image, without padding."""
    fields = {name: field for name, field in targets._asdict().items() if name != "counts" and field is not None}
    return [
        {name: field[n, :count].numpy() for name, field in fields.items()}
        for n, count in enumerate(targets.counts.tolist())
    ]


def _scene(found: Detections, objects: dict[str, NDArray[Any]], label: int, masks: bool) -> Scene:
    chosen = np.flatnonzero(found.labels.numpy() == label)
    scores = found.scores.numpy()[chosen]
    chosen = chosen[np.argsort(-scores, kind="stable")][:MOST]
    of_class = objects["labels"] == label
    crowd, difficult = objects["crowd"][of_class], objects["difficult"][of_class]
    if masks:
        assert found.masks is not None
        overlaps = mask_overlaps(found.masks.numpy()[chosen], objects["masks"][of_class], crowd)
    else:
        boxes = found.boxes.numpy()[chosen].astype(np.float64)
        overlaps = box_overlaps(boxes, objects["boxes"][of_class].astype(np.float64), crowd)
    return Scene(found.scores.numpy()[chosen], overlaps, crowd | difficult, crowd)


def _ordered(matches: Sequence[Matches], order: NDArray[np.intp]) -> list[tuple[Flags, Flags]]:
    """For each threshold: what was hit and what counts (K,) in all images, best first."""
    hit, counts = (np.concatenate(field, 1)[:, order] for field in zip(*matches, strict=True))
    return list(zip(hit, counts, strict=True))
