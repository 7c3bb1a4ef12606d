"""torchvision's detectors get what they expect: labels from 1, no padding; and take part in the trainer."""

from __future__ import annotations

import math

import pytest
import torch
from dlplug_detection.backbone import Features
from dlplug_detection.boxes.batches import Boxed, DetectionSpec, Masked
from dlplug_detection.two_stage.loss import LOGGED, two_stage
from dlplug_detection.two_stage.models import FasterRCNN, MaskRCNN, Stages, TwoStage
from dlplug_detection.two_stage.pooling import RegionSamples
from torch import nn
from torchvision.ops import MultiScaleRoIAlign

from dlplug import testing

SPEC = DetectionSpec((3, 48, 64), 3, 0.4, 0.3, ("a", "b", "c"), 2)
SMALL = Features(width=16, blocks=1)
STAGES = Stages(anchors=(16,), head=8, score=0.0, most=5)


def batch(counts: tuple[int, ...] = (2, 0)) -> Masked:
    exists = torch.arange(2) < torch.tensor(counts)[:, None]
    boxes = torch.tensor([[4.0, 8.0, 24.0, 28.0], [30.0, 10.0, 50.0, 34.0]]) * exists[..., None]
    masks = torch.zeros(len(counts), 2, 48, 64, dtype=torch.bool)
    for n, m in exists.nonzero().tolist():
        x1, y1, x2, y2 = boxes[n, m].int().tolist()
        masks[n, m, y1:y2, x1:x2] = True
    labels = torch.tensor([2, 0]).expand(len(counts), 2).masked_fill(~exists, -1)
    images = torch.rand(len(counts), 3, 48, 64, generator=torch.Generator().manual_seed(0))
    return Masked(images, boxes, labels, torch.tensor(counts), masks)


def built(kind: type[TwoStage]) -> TwoStage:
    torch.manual_seed(0)
    return kind(SPEC, features=SMALL, stages=STAGES)  # pyright: ignore[reportCallIssue]


class Recorder(nn.Module):
    """In torchvision's place."""

    def forward(self, images, targets):
        self.targets = targets
        return {name: torch.tensor(float(n)) for n, name in enumerate(LOGGED)}


def test_the_network_gets_unpadded_objects_whose_labels_begin_at_1():
    model, given = built(MaskRCNN), batch()
    model.network = recorder = Recorder()
    (update,) = two_stage(model).updates(given)
    first, second = recorder.targets
    assert first["labels"].tolist() == [3, 1]
    assert torch.equal(first["boxes"], given.boxes[0])
    assert torch.equal(first["masks"].bool(), given.masks[0])
    assert second["boxes"].shape == (0, 4)
    assert second["masks"].shape == (0, 48, 64)
    assert update.loss.item() == 0 + 1 + 2 + 3 + 4
    assert update.values == dict(zip(LOGGED.values(), range(5), strict=True))


def test_regions_have_the_features_and_gradients_of_roi_align():
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(3, 20, 2, generator=generator) * torch.tensor([88.0, 56.0])
    sides = torch.rand(3, 20, 2, generator=generator) ** 2 * 60
    # inside the map, and some smaller than one of its cells
    boxes = torch.cat([corners, torch.minimum(corners + sides, torch.tensor([96.0, 64.0]))], 2)
    each = [boxes[0], boxes[1, :7], boxes[2, :0]]
    maps = [torch.randn(3, 5, 8, 12, generator=torch.Generator().manual_seed(1), requires_grad=True) for _ in range(2)]
    theirs = MultiScaleRoIAlign(["0"], 4, 1)({"0": maps[0]}, each, [(64, 96)] * 3)
    ours = RegionSamples(4)({"0": maps[1]}, each, None)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    weights = torch.randn(theirs.shape, generator=generator)
    for part in (ours, theirs):
        (part * weights).sum().backward()
    torch.testing.assert_close(maps[1].grad, maps[0].grad, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", [FasterRCNN, MaskRCNN])
def test_images_keep_their_size(kind: type[TwoStage]):
    model = built(kind).eval()
    sizes = []
    model.get_submodule("network.backbone").register_forward_hook(
        lambda _, x, y: sizes.append((x[0].shape[2:], y.shape[2:]))
    )
    found = model.detect(torch.rand(2, 3, 48, 64))
    assert sizes == [((48, 64), (6, 8))]
    for each in found:
        assert len(each.boxes) == 5
        assert 0 <= each.labels.min() <= each.labels.max() < 3
        assert each.scores.diff().max() <= 0
        assert (each.masks is None) == (kind is FasterRCNN)
        assert each.masks is None or each.masks.shape == (5, 48, 64)


@pytest.mark.parametrize(("kind", "terms"), [(FasterRCNN, 4), (MaskRCNN, 5)])
def test_the_losses_are_finite_and_move_every_weight(kind: type[TwoStage], terms: int):
    given = batch()
    (update,) = testing.check_loss(two_stage(built(kind)), given if terms == 5 else Boxed(*given[:4]))
    assert len(update.values) == terms
    assert update.loss.item() == pytest.approx(
        sum(torch.as_tensor(value).item() for value in update.values.values()), rel=1e-5
    )


@pytest.mark.parametrize("kind", [FasterRCNN, MaskRCNN])
def test_images_without_objects_can_be_learnt_from(kind: type[TwoStage]):
    (update,) = two_stage(built(kind)).updates(batch((0, 0)))
    update.loss.backward()
    assert math.isfinite(update.loss.item())


def test_mask_rcnn_goes_through_the_trainer_and_its_metric():
    small = {"model.width": 8, "model.blocks": 1, "data.batch_size": 2, "data.validation": 2, "data.test": 2}
    small |= {"model.most": 5, "model.head": 8, "steps": 2}
    values = testing.check_metric("canvas-mask-rcnn", "detection", small)
    assert {"test/map50_coco101", "test/mask_map50_coco101"} <= values.keys()
