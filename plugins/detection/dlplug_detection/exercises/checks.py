"""The checks of the exercises: pixels that are counted, and detections that are gone through one by one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlplug.testing import assert_close, called

Written = Callable[..., NDArray[Any]]


def box_overlaps(written: Written) -> None:
    nobody = np.zeros(3, bool)
    objects = np.array([[0.0, 0.0, 4.0, 4.0], [2.0, 1.0, 6.0, 9.0], [7.0, 7.0, 9.0, 8.0]])
    cases = {
        "of a box that does not meet object 0, in x and in y": (np.array([[5.0, 5.0, 9.0, 9.0]]), nobody),
        "of boxes with themselves": (objects, nobody),
        "of boxes that share a part, a corner or an edge": (
            np.array([[2.0, 2.0, 5.0, 5.0], [4.0, 4.0, 7.0, 7.0], [0.0, 4.0, 4.0, 8.0]]), nobody),
        "of boxes inside another, and around it": (np.array([[1.0, 1.0, 2.0, 3.0], [0.0, 0.0, 9.0, 9.0]]), nobody),
        "with object 1 a crowd, over the detection's area": (objects, np.array([False, True, False])),
        "of a box without any area": (np.array([[3.0, 3.0, 3.0, 3.0]]), np.array([True, True, True])),
        "of no detections at all": (np.zeros((0, 4)), nobody),
    }  # fmt: skip
    for case, (found, crowd) in cases.items():
        expected = np.zeros((len(found), 3))
        for (k, one), (g, other) in product(enumerate(found), enumerate(objects)):
            mine, theirs = _pixels(one), _pixels(other)
            union = len(mine) if crowd[g] else len(mine | theirs)
            expected[k, g] = len(mine & theirs) / union if union else 0.0
        assert_close(called(written, found, objects, crowd), expected, f"box_overlaps {case} (detection, object)")


def _pixels(box: NDArray[Any]) -> set[tuple[int, int]]:
    """The pixels of a box with whole edges."""
    x1, y1, x2, y2 = map(int, box)
    return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}


def precision_at(written: Written) -> None:
    recalls = np.linspace(0, 1, 11)
    always = np.ones(6, bool)
    cases = {
        "of hits alone": ("111111", always, 6),
        "of an alarm first, which later hits outweigh": ("011110", always, 4),
        "of hits between alarms": ("101001", always, 3),
        "where half of the objects are never found": ("110100", always, 6),
        "with detections 1 and 4, which do not count": ("101011", np.array([1, 0, 1, 1, 0, 1], bool), 5),
        "of alarms alone": ("000000", always, 2),
        "of no detections at all": ("", always[:0], 2),
    }
    for case, (marks, counts, objects) in cases.items():
        hit = np.array([mark == "1" for mark in marks], bool)
        points = []  # (recall, precision) after each detection
        hits = alarms = 0
        for k in range(len(hit)):
            hits, alarms = hits + (hit[k] & counts[k]), alarms + (~hit[k] & counts[k])
            points.append((hits / objects, hits / max(hits + alarms, 1)))
        expected = np.array([max((p for reached, p in points if reached >= recall), default=0.0) for recall in recalls])
        got = called(written, recalls, hit, counts, objects)
        assert_close(got, expected, f"precision_at {case}: hit {marks or 'none'}, {objects} objects")
