"""What is wrong with a detector's output, by kind: Bolya et al. 2020 (TIDE, arXiv:2008.08115), figure 2, without the
rare "both"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch

from dlplug_detection.boxes.batches import Detections, Targets
from dlplug_detection.measures.matching import Flags, Floats, box_overlaps, coco_matches

Kind = Literal["missed", "false", "wrong class", "badly placed", "found twice"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NEAR, HIT = 0.1, 0.5  # least overlaps of a detection that means an object, and that finds it


class Mistake(NamedTuple):
    """One mistake: its image's number, the box, the class found and the true one (-1 is none), and how bad it is: the
    detection's score, or the area of a missed object in pixels."""

    kind: Kind
    image: int
    box: tuple[float, ...]
    found: int
    true: int
    weight: float


def mistakes_of(found: Sequence[Detections], targets: Targets, score: float) -> list[Mistake]:
    """The mistakes among the detections of at least that score in N images, worst first. What is found at a difficult
    object or in a crowd is none."""
    mistakes = [m for n, one in enumerate(found) for m in _of_image(n, one, targets, score)]
    return sorted(mistakes, key=lambda mistake: -mistake.weight)


def _of_image(n: int, found: Detections, targets: Targets, score: float) -> list[Mistake]:
    kept = torch.nonzero(found.scores >= score)[:, 0]
    kept = kept[found.scores[kept].argsort(descending=True, stable=True)]
    boxes, scores, labels = (field[kept].numpy() for field in found[:3])
    count = int(targets.counts[n])
    objects, true = targets.boxes[n, :count].numpy(), targets.labels[n, :count].numpy()
    crowd = targets.crowd[n, :count].numpy()
    ignored = crowd | targets.difficult[n, :count].numpy()
    overlaps = box_overlaps(boxes.astype(np.float64), objects.astype(np.float64), crowd)
    same = labels[:, None] == true
    matched = coco_matches(np.where(same, overlaps, 0), ignored, crowd, np.array([HIT]))
    mistakes = []
    for k in np.flatnonzero(~matched.hit[0] & matched.counts[0]):
        kind, nearest = _kind(overlaps[k], same[k], ignored)
        if kind is not None:
            at = -1 if nearest is None else int(true[nearest])
            mistakes.append(Mistake(kind, n, tuple(boxes[k].tolist()), int(labels[k]), at, float(scores[k])))
    reached = (overlaps >= HIT).any(0) if len(boxes) else np.zeros(count, bool)
    for m in np.flatnonzero(~reached & ~ignored):
        area = float(np.prod(objects[m, 2:] - objects[m, :2]))
        mistakes.append(Mistake("missed", n, tuple(objects[m].tolist()), -1, int(true[m]), area))
    return mistakes


def _kind(overlaps: Floats, same: Flags, ignored: Flags) -> tuple[Kind | None, int | None]:
    """Of a detection that hits nothing: the kind, None for one at an ignored object, and the object that it means.

    overlaps, same: (G,), with each object, and whether it is of the detection's class.
    """
    if not len(overlaps) or overlaps.max() < NEAR:
        return "false", None
    nearest = int(overlaps.argmax())
    if ignored[nearest] and overlaps[nearest] >= HIT:
        return None, nearest
    own = np.where(same, overlaps, 0)
    if own.max() >= HIT:
        return "found twice", int(own.argmax())
    if not same[nearest] and overlaps[nearest] >= HIT:
        return "wrong class", nearest
    if own.max() >= NEAR:
        return "badly placed", int(own.argmax())
    return "false", None
