"""The exercises' checks accept our functions, and lead to the mistake in wrong ones."""

from __future__ import annotations

import numpy as np

from dlplug.testing import check_exercise


def test_iou():
    def overlaps(found, objects, crowd, *, clips=True, shared_off=True, crowds=True, pixel=0):
        low = np.maximum(found[:, None, :2], objects[None, :, :2])
        size = np.minimum(found[:, None, 2:], objects[None, :, 2:]) - low + pixel
        shared = np.prod(size.clip(0) if clips else size, 2)
        one, other = (np.prod(boxes[:, 2:] - boxes[:, :2] + pixel, 1) for boxes in (found, objects))
        union = one[:, None] + other - (shared if shared_off else 0)
        union = np.where(crowd & crowds, one[:, None], union)
        return np.divide(shared, union, out=np.zeros(shared.shape), where=union > 0)

    def does_not_clip(*args):
        return overlaps(*args, clips=False)

    def counts_the_shared_part_twice(*args):
        return overlaps(*args, shared_off=False)

    def ignores_crowds(*args):
        return overlaps(*args, crowds=False)

    def adds_a_pixel(*args):
        return overlaps(*args, pixel=1)

    said = check_exercise("iou", [does_not_clip, counts_the_shared_part_twice, ignores_crowds, adds_a_pixel])
    assert "does not meet object 0" in said[0]
    assert (
        "does not meet object 0, in x and in y (detection, object): expected 0.125 at [0, 2], got 0.111111" in said[1]
    )
    assert "with object 1 a crowd" in said[2]
    assert "does not meet object 0" in said[3]


def test_average_precision():
    def at(recalls, hit, counts, objects, *, highest=True, ignores=True, side="left"):
        hits, alarms = np.cumsum(hit & counts), np.cumsum(~hit & (counts if ignores else True))
        precision = hits / np.maximum(hits + alarms, 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1] if highest else precision
        return np.append(precision, 0.0)[np.searchsorted(hits / objects, recalls, side=side)]

    def not_the_highest(*args):
        return at(*args, highest=False)

    def counts_what_does_not_count(*args):
        return at(*args, ignores=False)

    def the_place_after(*args):
        return at(*args, side="right")

    def recall_of_the_found(recalls, hit, counts, objects):
        return at(recalls, hit, counts, max(1, int((hit & counts).sum())))

    said = check_exercise(
        "average-precision", [not_the_highest, counts_what_does_not_count, the_place_after, recall_of_the_found]
    )
    assert "an alarm first, which later hits outweigh" in said[0]
    assert "which do not count" in said[1]
    assert "of hits alone" in said[2]
    assert "where half of the objects are never found" in said[3]
