"""Which detections hit an object: overlaps, and the matching rules of COCO and of VOC, for one class in one image."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]


class Matches(NamedTuple):
    """For each threshold and detection (T, K), best first: whether it hits an object, and whether it counts at all; if
    not, it is neither a hit nor a false alarm."""

    hit: Flags
    counts: Flags


def box_overlaps(found: Floats, objects: Floats, crowd: Flags) -> Floats:
    """(K, G): intersection over union of boxes (K, 4) and (G, 4); over the detection's area where the object is a
    crowd (G,)."""
    upper = np.maximum(found[:, None, :2], objects[None, :, :2])
    lower = np.minimum(found[:, None, 2:], objects[None, :, 2:])
    return _over_union(np.prod((lower - upper).clip(0), 2), _areas(found), _areas(objects), crowd)


def mask_overlaps(found: Flags, objects: Flags, crowd: Flags) -> Floats:
    """The same of masks (K, H, W) and (G, H, W)."""
    a, b = (masks.reshape(len(masks), prod(masks.shape[1:])).astype(np.float32) for masks in (found, objects))
    return _over_union(a @ b.T, a.sum(1), b.sum(1), crowd)


def _over_union(shared: Floats, found: Floats, objects: Floats, crowd: Flags) -> Floats:
    union = np.where(crowd, found[:, None], found[:, None] + objects - shared)
    return np.divide(shared, union, out=np.zeros(shared.shape), where=union > 0)


def _areas(boxes: Floats) -> Floats:
    return np.prod(boxes[:, 2:] - boxes[:, :2], 1)


def coco_matches(overlaps: Floats, ignored: Flags, crowd: Flags, thresholds: Floats) -> Matches:
    """COCO's rule: each detection, best first, takes the free object that it overlaps most, if by at least the
    threshold; an ignored object only if there is no other. Crowds are never taken up.

    overlaps: (K, G), detections best first. ignored, crowd: (G,), crowds are ignored too. thresholds: (T,).
    """
    hit = np.zeros((len(thresholds), len(overlaps)), bool)
    counts, taken = ~hit, np.zeros((len(thresholds), len(ignored)), bool)
    enough = overlaps >= np.minimum(thresholds, 1 - 1e-10)[:, None, None]
    for k, row in enumerate(overlaps if len(ignored) else ()):
        able = enough[:, k] & ~(taken & ~crowd)
        regular = able & ~ignored
        able = np.where(regular.any(1, keepdims=True), regular, able)
        # the last of equals, as in COCO's program
        best = len(ignored) - 1 - np.where(able, row, -1.0)[:, ::-1].argmax(1)
        matched = able.any(1)
        taken[matched, best[matched]] = True
        hit[:, k] = matched & ~ignored[best]
        counts[:, k] = ~(matched & ignored[best])
    return Matches(hit, counts)


def voc_matches(overlaps: Floats, ignored: Flags, threshold: float) -> Matches:
    """VOC's rule: a detection belongs to the object that it overlaps most, taken or not. A second detection of an
    object is a false alarm; one of a difficult object does not count. T is 1."""
    hit = np.zeros(len(overlaps), bool)
    counts, taken = ~hit, np.zeros(len(ignored), bool)
    for k, row in enumerate(overlaps if len(ignored) else ()):
        best = row.argmax()
        if row[best] >= threshold:
            counts[k] = not ignored[best]
            hit[k] = counts[k] and not taken[best]
            taken[best] = True
    return Matches(hit[None], counts[None])
