"""Data with boxes: generated scenes."""

import pytest
import torch
from dlplug_detection.boxes.canvas import CanvasBoxes, CanvasInstances
from dlplug_images.canvas.layout import Scenery
from torch import nn

from dlplug.testing import check_data

SMALL = Scenery(height=48, width=64, objects=(0, 3), sizes=(12, 20))


@pytest.fixture(scope="module")
def canvas():
    return CanvasInstances(scenery=SMALL, batch_size=8, validation=20, test=20, seed=1)


def test_a_scene_s_boxes_are_tight_around_its_masks(canvas):
    batch = next(canvas.batches(nn.Linear(1, 1)))
    assert batch.images.shape == (8, 1, 48, 64)
    assert batch.masks.shape == (8, 3, 48, 64)
    assert 0 in batch.counts
    for boxes, labels, count, masks in zip(*batch[1:], strict=True):
        for box, mask in zip(boxes[:count], masks[:count], strict=True):
            rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
            assert box.tolist() == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert (labels[:count] >= 0).all()
        assert (labels[count:] == -1).all()
        assert not boxes[count:].any()
        assert not masks[count:].any()


def test_held_out_scenes_are_the_same_for_every_seed_and_not_those_of_training(canvas):
    other = CanvasBoxes(scenery=SMALL, batch_size=8, validation=20, test=20, seed=0)
    val, test = canvas.split("val"), canvas.split("test")
    assert torch.equal(val.images, other.split("val").images)
    assert not torch.equal(val.images, test.images)
    assert other.split("val").targets.masks is None
    drawn = next(other.batches(nn.Linear(1, 1))).images
    assert not torch.equal(drawn, next(canvas.batches(nn.Linear(1, 1))).images)


def test_canvas_batches_resume():
    check_data(CanvasBoxes(scenery=SMALL, batch_size=4, validation=2, test=2, seed=1), nn.Linear(1, 1))


def test_the_spec_describes_the_training_boxes(canvas):
    sizes = canvas.spec.sizes
    assert canvas.spec.input == (1, 48, 64)
    assert canvas.spec.most == 3
    assert canvas.spec.output == 10
    assert len(sizes) > 100
    assert (sizes > 0).all()
    assert sizes.max() <= 20
