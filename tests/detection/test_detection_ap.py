"""Average precision: against faster-coco-eval, against a published example, and by hand."""

import contextlib
import io

import numpy as np
import pytest
import torch
from dlplug_detection.boxes.batches import Detections, HeldOut, Targets
from dlplug_detection.boxes.files.bccd import ARCHIVE
from dlplug_detection.measures.detection import detected, detection, has_objects
from dlplug_detection.measures.matching import voc_matches
from dlplug_detection.measures.precision import RECALLS_2007, precision, precision_at
from dlplug_detection.one_stage.model import OneStage
from faster_coco_eval import COCO, COCOeval_faster
from faster_coco_eval.core import mask as coder
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import dlplug
from dlplug import UserError
from dlplug.downloads import data_folder

SIDE, CLASSES = 40, 3
needs_bccd = pytest.mark.skipif(not (data_folder() / ARCHIVE).is_file(), reason=f"{ARCHIVE} is not here")


def scattered(generator, images, most, share_exact):
    """Random objects and detections near them, with ties, empty images, crowds, and boxes that are equal to each
    other."""
    pick = lambda low, high, *shape: torch.randint(low, high, shape, generator=generator)  # noqa: E731
    corners = pick(0, SIDE // 2, images, most, 2)
    boxes = torch.cat([corners, corners + pick(1, SIDE // 2, images, most, 2)], 2).float()
    counts = pick(0, most + 1, images)
    labels = torch.where(torch.arange(most) < counts[:, None], pick(0, CLASSES, images, most), -1)
    none = torch.zeros_like(labels, dtype=torch.bool)
    crowd = torch.rand(labels.shape, generator=generator) < 0.15
    found = []
    for n in range(images):
        of = pick(0, most, 2 * most)[: int(pick(0, 2 * most + 1, 1))]
        moved = pick(-3, 4, len(of), 4) * (torch.rand(len(of), 1, generator=generator) > share_exact)
        near = boxes[n][of] + moved
        near[:, 2:] = torch.maximum(near[:, 2:], near[:, :2] + 1)
        scores = pick(1, 8, len(of)).float() / 8
        mixed = torch.where(torch.rand(len(of), generator=generator) < 0.8, labels[n][of], pick(0, CLASSES, len(of)))
        found.append(Detections(near, scores, mixed.clamp(min=0), masks_of(near)))
    return found, Targets(boxes, labels, counts, none, crowd, torch.stack([masks_of(b) for b in boxes]))


def masks_of(boxes):
    """Round masks inside boxes, so that their overlaps are not those of the boxes."""
    y, x = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing="ij")
    centre, radius = (boxes[:, 2:] + boxes[:, :2]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    offset = (torch.stack([x, y], 2) - centre[:, None, None]) / radius[:, None, None]
    return (offset**2).sum(3) <= 1


def by_coco(found, targets, kind):
    """(C, T) average precision of faster-coco-eval, NaN for classes without objects."""
    as_coco = lambda box: [*box[:2], box[2] - box[0], box[3] - box[1]]  # noqa: E731
    code = lambda mask: coder.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))  # noqa: E731
    truth = [
        {
            "image_id": n + 1,
            "category_id": int(targets.labels[n, m]) + 1,
            "bbox": as_coco(targets.boxes[n, m].tolist()),
            **({} if targets.masks is None else {"segmentation": code(targets.masks[n, m])}),
            "area": 1.0,
            "iscrowd": int(targets.crowd[n, m]),
        }
        for n in range(len(targets.counts))
        for m in range(int(targets.counts[n]))
    ]
    guesses = [
        {
            "image_id": n + 1,
            "category_id": int(label) + 1,
            "score": float(score),
            "bbox": as_coco(box.tolist()),
            **({} if one.masks is None else {"segmentation": code(one.masks[k])}),
        }
        for n, one in enumerate(found)
        for k, (box, score, label) in enumerate(zip(*one[:3], strict=True))
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(
            {
                "images": [{"id": n + 1, "height": SIDE, "width": SIDE} for n in range(len(found))],
                "annotations": [{"id": i + 1, **one} for i, one in enumerate(truth)],
                "categories": [{"id": c + 1, "name": str(c)} for c in range(CLASSES)],
            }
        )
        evaluation = COCOeval_faster(truth, truth.loadRes(guesses), kind)
        evaluation.evaluate()
        evaluation.accumulate()
    curves = evaluation.eval["precision"][:, :, :, 0, 2]
    return np.where(curves == -1, np.nan, curves).mean(1).T


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 12), st.sampled_from([0.0, 0.5, 1.0]))
def test_precision_is_that_of_faster_coco_eval(seed, images, most, share_exact):
    generator = torch.Generator().manual_seed(seed)
    found, targets = scattered(generator, images, most, share_exact)
    if not sum(len(one.scores) for one in found):
        return
    for kind, masks in (("bbox", False), ("segm", True)):
        ours = precision(found, targets, CLASSES, masks=masks)
        np.testing.assert_allclose(ours.ap(), by_coco(found, targets, kind), atol=1e-9)


@pytest.mark.slow
@needs_bccd
def test_precision_of_a_trained_detector_is_that_of_faster_coco_eval(tmp_path):
    run = dlplug.run("bccd-yolo", {"images": 1200}, out=str(tmp_path / "run"))
    assert isinstance(run.product, OneStage)
    for split in ("val", "test"):
        data = run.learned.data.split(split)
        found = detected(run.product, data.images)
        ap = precision(found, data.targets, CLASSES).ap()
        np.testing.assert_allclose(ap, by_coco(found, data.targets, "bbox"), rtol=0, atol=1e-9)
        assert sum(len(one.scores) for one in found) > 1000
        assert ap[:, 0].mean() > 0.5


def test_only_the_hundred_best_of_a_class_in_an_image_count():
    generator = torch.Generator().manual_seed(0)
    found, targets = scattered(generator, 3, 400, 0.5)
    np.testing.assert_allclose(precision(found, targets, CLASSES).ap(), by_coco(found, targets, "bbox"), atol=1e-9)
    assert max(one.labels.bincount().max() for one in found) > 100


def test_eleven_points_of_a_published_example():
    """github.com/rafaelpadilla/Object-Detection-Metrics: 24 detections of 15 objects, 26.84 %."""
    hit = np.isin(np.arange(24), [0, 2, 9, 11, 12, 13, 22])
    assert round(100 * precision_at(RECALLS_2007, hit, np.ones(24, bool), 15).mean(), 2) == 26.84


def test_voc_s_second_detection_is_an_alarm_and_a_difficult_object_does_not_count():
    overlaps = np.array([[0.9, 0.0, 0.2], [0.8, 0.6, 0.0], [0.0, 0.7, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 0.4]])
    matched = voc_matches(overlaps, np.array([False, True, False]), 0.5)
    assert matched.hit[0].tolist() == [True, False, False, False, False]
    assert matched.counts[0].tolist() == [True, True, False, False, True]


def targets_of(boxes, labels, difficult=None):
    labels = torch.tensor(labels)
    none = torch.zeros_like(labels, dtype=torch.bool)
    difficult = none if difficult is None else torch.tensor(difficult)
    return Targets(torch.tensor(boxes).float(), labels, (labels >= 0).sum(1), difficult, none)


def test_a_difficult_object_is_neither_a_hit_nor_a_miss():
    targets = targets_of([[[0, 0, 10, 10], [20, 20, 30, 30]]], [[0, 0]], [[False, True]])
    first = Detections(torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([0.5]), torch.tensor([0]))
    both = Detections(
        torch.tensor([[20.0, 20, 30, 30], [0, 0, 10, 10]]), torch.tensor([0.9, 0.5]), torch.tensor([0, 0])
    )
    for found in (first, both):
        measured = precision([found], targets, 1)
        assert measured.objects.tolist() == [1]
        assert measured.ap()[0, 0] == measured.voc07.mean() == 1


class Fixed(nn.Linear):
    """Finds the same in every image."""

    def __init__(self, found):
        super().__init__(1, 1)
        self.found = found

    def detect(self, images):
        assert images.dtype == torch.float32
        return [self.found] * len(images)


def test_the_metric_names_its_definition_and_leaves_out_absent_classes():
    found = Detections(torch.tensor([[0.0, 0, 10, 8]]), torch.tensor([0.5]), torch.tensor([0]))
    targets = targets_of([[[0, 0, 10, 10]], [[0, 0, 0, 0]]], [[0], [-1]])
    data = HeldOut(torch.zeros(2, 40, 40, 1, dtype=torch.uint8), targets, ("cell", "cat"))
    values = detection(Fixed(found), data)
    expected = {"map50_coco101": 1, "map_coco101": 0.7, "map50_voc07": 1, "ap50_coco101_cell": 1}
    assert {name: values[name] for name in expected} == pytest.approx(expected)
    assert "ap50_coco101_cat" not in values


def test_a_split_without_objects_has_no_precision():
    data = HeldOut(torch.zeros(1, 8, 8, 1, dtype=torch.uint8), targets_of([[[0, 0, 0, 0]]], [[-1]]), ("cell",))
    with pytest.raises(UserError, match="none of the 1 held-out images"):
        has_objects(Fixed(None), data)
