"""Models have the papers' shapes and counts, learn, and say the smallest image they take."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from dlplug_vision.classification.classics import VGG, AlexNet, Dilated, LeNet
from dlplug_vision.classification.quick import QuickNet
from dlplug_vision.classification.resnet import BasicBlock, PreActivation, ResNet, WideResNet, projection
from dlplug_vision.classification.transformer import ViT
from dlplug_vision.layers import Standardise
from torch import nn

from dlplug import Spec, UserError

# each with options that make it quick to run, and the smallest image that it takes
SMALLEST = [
    (QuickNet, {"width": 4, "stages": 3}, 8),
    (QuickNet, {"width": 4, "stages": 2}, 4),
    (LeNet, {}, 12),
    (AlexNet, {"width": 4, "hidden": 8}, 8),
    (AlexNet, {"width": 4, "hidden": 8, "stem": "large"}, 63),
    (VGG, {"width": 4, "depth": 11}, 32),
    (Dilated, {"width": 4, "depth": 4}, 9),
    (ResNet, {"width": 4, "depth": 18}, 8),
    (ResNet, {"width": 4, "depth": 20}, 4),
    (WideResNet, {"widen": 1, "depth": 10}, 4),
    (ViT, {"width": 8, "depth": 1, "heads": 2, "patch": 7}, 7),
]


def spec(size: int = 32, channels: int = 3, classes: int = 10) -> Spec:
    return Spec((channels, size, size), classes, (0.4,) * channels, (0.25,) * channels)


@pytest.mark.parametrize(("model", "options", "smallest"), SMALLEST)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_smallest_image_is_taken_and_a_smaller_one_refused(model, options, smallest, channels):
    torch.manual_seed(0)
    net = model(spec(smallest, channels, 5), **options)
    x = torch.rand(4, channels, smallest, smallest)
    logits = net(x)
    assert logits.shape == (4, 5)
    F.cross_entropy(logits, torch.arange(4)).backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())
    with pytest.raises(UserError, match=f"at least {smallest}x{smallest}, got {smallest - 1}x{smallest - 1}"):
        model(spec(smallest - 1, channels), **options)


# padding keeps a pixel in any image: there the bound is where the last stage sees more than padding
PADDED = (Dilated, ResNet, WideResNet)


@pytest.mark.parametrize(("model", "options", "smallest"), [row for row in SMALLEST if row[0] not in PADDED])
def test_the_bound_is_no_higher_than_it_must_be(model, options, smallest):
    net = model(spec(smallest), **options)
    with pytest.raises(RuntimeError):
        net(torch.rand(2, 3, smallest - 1, smallest - 1))


@pytest.mark.parametrize(("model", "options", "smallest"), SMALLEST)
def test_images_need_not_be_square(model, options, smallest):
    net = model(Spec((3, 2 * smallest, 3 * smallest), 4, 0.5, 0.2), **options)
    assert net(torch.rand(2, 3, 2 * smallest, 3 * smallest)).shape == (2, 4)


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("net", "millions"),
    [
        # He et al. 2016a, table 6; ResNet-18 with a 3x3 stem: kuangliu/pytorch-cifar
        (lambda: ResNet(spec(), depth=20), 0.27),
        (lambda: ResNet(spec(), depth=56), 0.85),
        (lambda: ResNet(spec(), depth=18), 11.17),
        # Zagoruyko & Komodakis 2016, table 5
        (lambda: WideResNet(spec(), depth=40, widen=4), 8.9),
        (lambda: WideResNet(spec(), depth=16, widen=8), 11.0),
    ],
)
def test_models_have_as_many_weights_as_their_papers_say(net, millions):
    assert count(net()) / 1e6 == pytest.approx(millions, rel=0.02)


def test_lenet_has_the_papers_weights_but_for_what_was_replaced():
    # convolutions 156 and, connected to all maps, 2416; affine 48120 and 10164; and an affine output of 850
    assert count(LeNet(spec(28, 1))) == 156 + 2416 + 48120 + 10164 + 850


def test_alexnet_and_vgg_are_torchvisions_where_they_should_be():
    from torchvision.models import alexnet, vgg16_bn

    with torch.device("meta"):
        theirs, features = alexnet(), vgg16_bn().features
        assert count(AlexNet(spec(224, 3, 1000))) == count(theirs)
        ours = [p.numel() for p in VGG(spec()).parameters() if p.ndim == 4]
    assert ours == [p.numel() for p in features.parameters() if p.ndim == 4]


@pytest.mark.parametrize(("depth", "layers"), [(18, 18), (34, 34), (20, 20), (56, 56), (110, 110)])
def test_a_resnets_depth_counts_its_layers_with_weights(depth, layers):
    net = ResNet(spec(), depth=depth, width=2)
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(convolutions) + 1 == layers


def test_a_block_adds_what_it_was_given():
    block = BasicBlock(4, 4, 1).eval()
    x = torch.rand(2, 4, 6, 6)
    torch.testing.assert_close(block(x), (block.residual(x) + x).clamp(min=0))
    nn.init.zeros_(block.residual[3].weight)  # a residual that says nothing leaves the identity
    torch.testing.assert_close(block(x), (x + block.residual[4](torch.zeros_like(x))).clamp(min=0))
    before = PreActivation(4, 4, 1, 0.0).eval()
    nn.init.zeros_(before.residual[4].weight)
    torch.testing.assert_close(before(x), x)


@pytest.mark.parametrize("depth", [1, 3, 4])
def test_dilated_layers_see_2_to_the_depth_plus_1_less_1_pixels(depth):
    net = Dilated(spec(40, 1), depth=depth, width=2)
    x = torch.full((1, 1, 40, 40), 0.5, requires_grad=True)
    y = x
    for layer in (m for m in net.modules() if isinstance(m, nn.Conv2d)):
        y = F.conv2d(y, torch.ones_like(layer.weight), padding=layer.padding, dilation=layer.dilation)
    assert y.shape[2:] == (40, 40)
    (slope,) = torch.autograd.grad(y[0, 0, 20, 20], x)
    rows = slope[0, 0].any(1).nonzero().flatten()
    assert len(rows) == int(rows.max() - rows.min()) + 1 == 2 ** (depth + 1) - 1  # and none of them is skipped


def test_a_transformer_tells_patches_apart_by_their_places():
    torch.manual_seed(0)
    net, x = ViT(spec(8, 1), width=16, depth=2, patch=4).eval(), torch.rand(1, 1, 8, 8)
    swapped = torch.cat([x[..., 4:], x[..., :4]], 3)
    assert not torch.allclose(net(x), net(swapped), atol=1e-4)
    nn.init.zeros_(net.position)
    torch.testing.assert_close(net(x), net(swapped))


def test_models_standardise_by_the_datas_numbers_and_keep_them():
    first = Standardise(Spec((3, 2, 2), 2, (0.1, 0.2, 0.3), (0.5, 0.25, 1.0)))
    x = torch.rand(2, 3, 2, 2)
    for channel, (mean, deviation) in enumerate([(0.1, 0.5), (0.2, 0.25), (0.3, 1.0)]):
        torch.testing.assert_close(first(x)[:, channel], (x[:, channel] - mean) / deviation)
    assert first.state_dict().keys() == {"mean", "deviation"}


@pytest.mark.parametrize(("model", "options", "smallest"), SMALLEST[:1] + SMALLEST[5:10])
def test_convolutions_work_channels_last(model, options, smallest):
    net = model(spec(32), **options)
    seen = []
    for layer in (m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)):
        layer.register_forward_hook(lambda *call: seen.append(call[2].is_contiguous(memory_format=torch.channels_last)))
    net(torch.rand(2, 3, 32, 32).contiguous(memory_format=torch.channels_last))
    assert seen
    assert all(seen)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ResNet(spec(), depth=19), "must be one of 18, 20, 32, 34"),
        (lambda: VGG(spec(), depth=12), "must be one of 11, 13, 16, 19"),
        (lambda: WideResNet(spec(), depth=17), "6n \\+ 4"),
        (lambda: ViT(spec(), patch=5), "must divide the images' 32x32, got 5"),
        (lambda: ViT(spec(), heads=3), "multiple of --model.heads"),
        (lambda: LeNet(Spec((64,), 10)), "takes images"),
        (lambda: QuickNet(spec(), width=0), "at least 1"),
    ],
)
def test_bad_options_are_one_clear_line(make, said):
    with pytest.raises(UserError, match=said):
        make()


def test_a_narrow_resnet_has_no_strided_1x1_convolution_of_few_channels():
    """torch 2.15's gradient of one corrupts memory on CPUs: the process ends in an abort."""
    for layer in ResNet(spec(), width=4).modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1):
            assert layer.stride == (1, 1) or layer.in_channels >= 8
    wide, narrow = projection(8, 3, 2), projection(4, 3, 2)
    x = torch.rand(2, 4, 5, 7)
    assert isinstance(wide, nn.Conv2d)
    torch.testing.assert_close(narrow(x), F.conv2d(x, narrow[1].weight, stride=2))
