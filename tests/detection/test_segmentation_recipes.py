"""The nets of segmentation take images of any size, and their recipes learn and resume bit for bit."""

from __future__ import annotations

import dlplug_detection.segmentation.unet as unet_module
import pytest
import torch
from dlplug_detection.segmentation.batches import SegmentationSpec
from dlplug_detection.segmentation.segnet import SegNet
from dlplug_detection.segmentation.unet import UNet
from dlplug_images.encoders.squeezenet import SqueezeNetEncoder

from dlplug import Spec, UserError, testing

SPEC = SegmentationSpec((3, 180, 240), 11, (0.4, 0.4, 0.4), (0.2, 0.2, 0.2), (), torch.rand(11))
SMALL = {
    "data.validation": 3,
    "data.test": 3,
    "data.batch_size": 2,
    "data.height": 32,
    "data.width": 32,
    "data.objects": (1, 2),
    "data.sizes": (12, 16),
    "model.width": 4,
}

NETS = {
    "unet": lambda: UNet(SPEC, width=2, stages=3),
    "half": lambda: UNet(SPEC, width=2, stages=4, stem=2, dropout=0.1),
    "segnet": lambda: SegNet(SPEC, width=2, stages=3),
    "half-segnet": lambda: SegNet(SPEC, width=2, stages=4, stem=2, dropout=0.1),
}


@pytest.fixture
def without_weights(monkeypatch):
    monkeypatch.setattr(unet_module, "SqueezeNetEncoder", lambda strides: SqueezeNetEncoder(strides, weights=False))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(("height", "width"), [(180, 240), (33, 47)])
def test_logits_have_the_images_size(name: str, height: int, width: int):
    net = NETS[name]().eval()
    logits = net(torch.rand(1, 3, height, width))
    assert logits.shape == (1, 11, height, width)
    assert torch.equal(net.segment(torch.zeros(2, 3, 20, 20))[0], net.segment(torch.zeros(1, 3, 20, 20))[0])


def test_the_pixels_of_a_cell_begin_with_the_same_logits():
    logits = NETS["half"]().eval()(torch.rand(1, 3, 32, 48))
    cells = logits[:, :, ::2, ::2].repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.equal(logits, cells)
    assert cells.unique().numel() > 100


def test_unpooling_needs_the_size_that_was_pooled():
    net = SegNet(SPEC, width=2, stages=3)
    sizes = []
    net.unpool.register_forward_hook(lambda module, args, output: sizes.append(tuple(output.shape[2:])))
    net(torch.rand(1, 3, 180, 240))
    assert sizes == [(45, 60), (90, 120), (180, 240)], "45 was pooled to 22, which alone is unpooled to 44"


@pytest.mark.usefixtures("without_weights")
def test_squeezenets_weights_have_a_rate_of_their_own():
    net = UNet(SPEC, width=2, encoder="squeezenet", rate=0.3)
    assert net(torch.rand(1, 3, 30, 50)).shape == (1, 11, 30, 50)
    loaded, new = net.parameter_groups()
    assert loaded["rate"] == 0.3
    names = {id(weight): name for name, weight in net.named_parameters() if weight.requires_grad}
    layers = {name.split(".")[2] for name in names.values() if name.startswith("encoder.")}
    assert layers == {"7", "8", "9", "10", "12"}, "fire5 to fire9; what lies before stride 8 is frozen"
    assert {names[id(p)].split(".")[2] for p in loaded["params"]} == layers
    assert sorted(names) == sorted(id(p) for p in loaded["params"] + new["params"])


def test_other_data_are_refused():
    with pytest.raises(UserError, match=r"takes images with class maps.*has the shape \(1, 28, 28\)"):
        UNet(Spec((1, 28, 28), 10))


def test_scenes_are_learnt_and_resumed():
    testing.check_recipe("canvas-unet", {**SMALL, "loss.balance": "median", "loss.dice": 0.5})
