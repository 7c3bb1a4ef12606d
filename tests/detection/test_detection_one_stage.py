"""Assignment and losses are re-derived by loops; anchors fit; the net overfits two images; state survives a stop."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from dlplug_detection.backbone import Features
from dlplug_detection.boxes.batches import Boxed, DetectionSpec, HeldOut, Targets
from dlplug_detection.boxes.canvas import CanvasBoxes
from dlplug_detection.measures.detection import detection
from dlplug_detection.one_stage.anchors import fitted_anchors, shape_iou
from dlplug_detection.one_stage.assignment import assigned
from dlplug_detection.one_stage.loss import one_stage, quality_focal_loss
from dlplug_detection.one_stage.model import OneStage, decoded, grid
from dlplug_images.canvas.layout import Scenery
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import box_iou, generalized_box_iou

from dlplug import Update, UserError, testing

SMALL = Features(width=16, blocks=1)
SHAPES = torch.tensor([[4.0, 8.0], [5.0, 9.0], [20.0, 16.0], [22.0, 18.0], [60.0, 50.0], [64.0, 48.0]])


def spec(channels: int = 1, height: int = 32, width: int = 48) -> DetectionSpec:
    return DetectionSpec((channels, height, width), 3, 0.4, 0.3, ("a", "b", "c"), 4, SHAPES)


def boxed(seed: int = 0, counts: tuple[int, ...] = (2, 0, 4), height: int = 32, width: int = 48) -> Boxed:
    draw = torch.Generator().manual_seed(seed)
    n, most = len(counts), 4
    corner = torch.rand(n, most, 2, generator=draw) * torch.tensor([width - 8.0, height - 8.0])
    side = 3 + torch.rand(n, most, 2, generator=draw) * 20
    end = torch.minimum(corner + side, torch.tensor([float(width), float(height)]))
    exists = torch.arange(most) < torch.tensor(counts)[:, None]
    boxes = torch.cat([corner, end], -1) * exists[..., None]
    labels = torch.randint(0, 3, (n, most), generator=draw).masked_fill(~exists, -1)
    images = torch.rand(n, 1, height, width, generator=draw)
    return Boxed(images, boxes, labels, torch.tensor(counts))


def logged(update: Update) -> dict[str, float]:
    return {name: torch.as_tensor(value).item() for name, value in update.values.items()}


def slowly_assigned(boxes, counts, cells, stride, anchors, radius, fit) -> list[list[int]]:
    rows = []
    for n, count in enumerate(counts.tolist()):
        row = []
        for x, y in cells.tolist():
            for a in range(1 if anchors is None else len(anchors)):
                best, nearest = -1, math.inf
                for m in range(count):
                    x1, y1, x2, y2 = boxes[n, m].tolist()
                    across = (x - (x1 + x2) / 2) / stride[0].item()
                    down = (y - (y1 + y2) / 2) / stride[1].item()
                    near = abs(across) < radius and abs(down) < radius
                    if anchors is not None:
                        iou = [same_centre_iou(x2 - x1, y2 - y1, *anchor.tolist()) for anchor in anchors]
                        near = near and (iou[a] >= fit or iou[a] == max(iou))
                    if near and across**2 + down**2 < nearest:
                        best, nearest = m, across**2 + down**2
                row.append(best)
        rows.append(row)
    return rows


def same_centre_iou(width: float, height: float, other_width: float, other_height: float) -> float:
    shared = min(width, other_width) * min(height, other_height)
    return shared / (width * height + other_width * other_height - shared)


@given(st.integers(0, 1000), st.sampled_from([0, 1, 3]), st.sampled_from([0.5, 1.0, 1.5, 2.5]))
@settings(max_examples=20, deadline=None)
def test_a_prediction_belongs_to_the_nearest_object_that_its_shape_fits(seed: int, count: int, radius: float):
    batch = boxed(seed)
    cells, stride = grid(4, 6, batch.images)
    anchors = fitted_anchors(SHAPES, count) if count else None
    expected = slowly_assigned(batch.boxes, batch.counts, cells, stride, anchors, radius, 0.4)
    assert assigned(batch.boxes, batch.counts, cells, stride, anchors, radius, 0.4).tolist() == expected


def test_each_object_alone_in_its_image_has_predictions_however_small():
    for x in range(0, 40, 3):
        box = torch.tensor([[[float(x), 10.0, x + 2.0, 14.0]]])
        cells, stride = grid(4, 6, torch.zeros(1, 1, 32, 48))
        for anchors in (None, fitted_anchors(SHAPES, 3)):
            assert (assigned(box, torch.tensor([1]), cells, stride, anchors, 1.0, 0.9) == 0).any()


def test_anchors_are_the_means_of_the_shapes_nearest_to_them():
    anchors = fitted_anchors(SHAPES, 3)
    assert anchors.tolist() == [[4.5, 8.5], [21.0, 17.0], [62.0, 49.0]]
    pairs = [[same_centre_iou(*shape, *anchor) for anchor in anchors.tolist()] for shape in SHAPES.tolist()]
    torch.testing.assert_close(shape_iou(SHAPES, anchors), torch.tensor(pairs))
    with pytest.raises(UserError, match="only 6 boxes"):
        fitted_anchors(SHAPES, 7)


def test_boxes_are_decoded_around_their_cell():
    cells, stride = grid(2, 3, torch.zeros(1, 1, 16, 24))
    assert cells.tolist() == [[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]
    raw = torch.randn(2, 6, 2, 4)
    anchors = torch.tensor([[8.0, 8.0], [10.0, 30.0]])
    boxes = decoded(raw, cells, stride, anchors)
    for n in range(2):
        for q in range(6):
            for a in range(2):
                x, y, w, h = raw[n, q, a].tolist()
                cx, cy = cells[q, 0].item() + 8 * x, cells[q, 1].item() + 8 * y
                wide, high = anchors[a, 0].item() * math.exp(w), anchors[a, 1].item() * math.exp(h)
                expected = [cx - wide / 2, cy - high / 2, cx + wide / 2, cy + high / 2]
                assert boxes[n, q, a].tolist() == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("anchors", [0, 2])
def test_the_loss_is_the_sum_over_predictions_divided_by_the_positives(anchors: int):
    torch.manual_seed(0)
    model, batch = OneStage(spec(), features=SMALL, anchors=anchors).eval(), boxed(3)
    with torch.no_grad():
        model.head.weight.normal_(std=0.3)
    updates = testing.check_loss(one_stage(model, gamma=1.5, box_weight=3.0, radius=1.2, fit=0.4), batch)
    with torch.no_grad():
        found = model(batch.images)
    rows = slowly_assigned(
        batch.boxes, batch.counts, found.cells, found.stride, model.anchors if anchors else None, 1.2, 0.4
    )
    objectness = box = classes = 0.0
    positives = sum(row >= 0 for image in rows for row in image)
    for n, image in enumerate(rows):
        for p, row in enumerate(image):
            quality = 0.0
            if row >= 0:
                giou = generalized_box_iou(found.boxes[n, p][None], batch.boxes[n, row][None]).item()
                box += 1 - giou
                quality = max(0.0, giou)
                classes -= found.classes[n, p].log_softmax(0)[batch.labels[n, row]].item()
            sure = found.objectness[n, p].double().sigmoid().item()
            entropy = -quality * math.log(sure) - (1 - quality) * math.log(1 - sure)
            objectness += abs(quality - sure) ** 1.5 * entropy
    values = logged(updates[0])
    expected = {"objectness": objectness / positives, "box": box / positives, "class": classes / positives}
    assert values == pytest.approx(expected, rel=1e-3)
    assert updates[0].loss.item() == pytest.approx(values["objectness"] + 3 * values["box"] + values["class"], rel=1e-4)


def test_images_without_objects_have_a_loss_of_objectness_alone():
    torch.manual_seed(0)
    model = OneStage(spec(), features=SMALL)
    (update,) = one_stage(model).updates(boxed(counts=(0, 0)))
    update.loss.backward()
    assert update.loss.item() == update.values["objectness"] > 0
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in model.parameters())


def test_quality_focal_loss_is_binary_cross_entropy_at_gamma_0_and_nothing_at_its_target():
    logits, quality = torch.randn(50), torch.rand(50)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, quality, reduction="none")
    torch.testing.assert_close(quality_focal_loss(logits, quality, 0.0), expected)
    assert quality_focal_loss(logits, logits.sigmoid(), 2.0).abs().max() < 1e-8


def test_every_prediction_begins_with_a_hundredth_of_an_object():
    found = OneStage(spec(), features=SMALL, anchors=3).eval()(torch.rand(1, 1, 32, 48))
    assert found.objectness.sigmoid().mean().item() == pytest.approx(0.01, rel=0.3)


def test_detections_are_sorted_inside_the_image_and_apart():
    torch.manual_seed(0)
    model = OneStage(spec(), features=SMALL, score=0.0, most=7).eval()
    for found in model.detect(torch.rand(2, 1, 35, 61)):
        assert len(found.boxes) == 7
        assert found.scores.diff().max() <= 0
        assert found.boxes.min() >= 0
        assert found.boxes[:, 2].max() <= 61
        assert found.boxes[:, 3].max() <= 35
        same = found.labels[:, None] == found.labels
        overlaps = box_iou(found.boxes, found.boxes).fill_diagonal_(0)
        assert overlaps[same].max() <= 0.5


@pytest.fixture(scope="module")
def two_canvases() -> CanvasBoxes:
    return CanvasBoxes(scenery=Scenery(height=64, width=64, objects=(2, 3)), batch_size=2, seed=0)


@pytest.mark.parametrize("anchors", [0, 3])
def test_two_images_are_learnt_by_heart(anchors: int, two_canvases: CanvasBoxes):
    torch.manual_seed(0)
    data = copy.deepcopy(two_canvases)
    batch = next(data.batches(torch.nn.Linear(1, 1)))
    assert isinstance(data.spec, DetectionSpec)
    model = OneStage(data.spec, features=Features(width=32, blocks=2), anchors=anchors)
    loss = one_stage(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(80):
        for update in loss.updates(batch):
            optimizer.zero_grad()
            update.loss.backward()
            optimizer.step()
    none = torch.zeros_like(batch.labels, dtype=torch.bool)
    images = (batch.images * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    held_out = HeldOut(images, Targets(batch.boxes, batch.labels, batch.counts, none, none), data.names)
    assert detection(model.eval(), held_out)["map50_coco101"] == pytest.approx(1)


def test_canvas_yolo_learns_and_resumes():
    small = {"model.width": 8, "model.blocks": 1, "data.batch_size": 4, "data.validation": 4, "data.test": 4}
    testing.check_recipe("canvas-yolo", small)


def test_sizes_that_no_map_can_have_are_refused():
    with pytest.raises(UserError, match="multiple of 4"):
        OneStage(spec(), features=Features(width=30))
    with pytest.raises(UserError, match="at least 16x16"):
        OneStage(spec(height=8))
