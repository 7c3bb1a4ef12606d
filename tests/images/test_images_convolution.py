"""Convolutions of one channel: torch's own, their gradients and the gradients of those, in double precision."""

import pytest
import torch
from dlplug_images import convolution
from dlplug_images.convolution import ImageConv2d, ImageConvTranspose2d
from torch import nn


@pytest.fixture
def used(monkeypatch):
    """The products are used for doubles too; how often they were."""
    calls = []
    monkeypatch.setattr(convolution, "gains", lambda x: True)
    for function in (convolution.Down, convolution.Up):
        apply = function.apply
        monkeypatch.setattr(function, "apply", lambda *given, apply=apply: (calls.append(1), apply(*given))[1])
    return calls


def agree(one, other, x):
    """Values, gradients, and gradients of the gradients."""
    other.load_state_dict(one.state_dict())
    found = []
    for layer in (one, other):
        given = x.clone().requires_grad_()
        y = layer(given)
        leaves = [given, *layer.parameters()]
        first = torch.autograd.grad(y.sin().sum(), leaves, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), leaves)
        found.append((y, *first, *second))
    torch.testing.assert_close(*found)


LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize(
    ("inputs", "outputs", "options"),
    [
        (1, 3, {"kernel_size": 3, "padding": 1}),
        (1, 4, {"kernel_size": 5, "stride": 2, "padding": 2, "bias": False}),
        (1, 2, {"kernel_size": 4, "stride": 2, "padding": 1}),
        (1, 2, {"kernel_size": 4, "stride": 4}),
        (1, 1, {"kernel_size": 3, "padding": 1}),
        (3, 1, {"kernel_size": 3, "padding": 1}),
        (2, 1, {"kernel_size": 5, "bias": False}),
        (2, 1, {"kernel_size": 1}),
    ],
)
def test_a_convolution_of_one_channel_is_torchs(inputs, outputs, options, layout, used):
    torch.manual_seed(0)
    layers = (kind(inputs, outputs, dtype=torch.double, **options) for kind in (ImageConv2d, nn.Conv2d))
    agree(*layers, torch.rand(2, inputs, 9, 12, dtype=torch.double).contiguous(memory_format=layout))
    assert used


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(4, 2, 1), (3, 1, 1), (5, 3, 0), (2, 3, 0)])
def test_a_transposed_convolution_to_one_channel_is_torchs(kernel, stride, padding, layout, used):
    torch.manual_seed(0)
    kinds = (ImageConvTranspose2d, nn.ConvTranspose2d)
    layers = (kind(3, 1, kernel, stride, padding, dtype=torch.double) for kind in kinds)
    agree(*layers, torch.rand(2, 3, 5, 6, dtype=torch.double).contiguous(memory_format=layout))
    assert used


@pytest.mark.parametrize(
    ("inputs", "outputs", "options"),
    [
        (2, 2, {"kernel_size": 3}),
        (1, 2, {"kernel_size": (3, 2)}),
        (1, 2, {"kernel_size": 3, "padding": "same"}),
        (1, 2, {"kernel_size": 3, "dilation": 2}),
        (1, 2, {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"}),
        (2, 1, {"kernel_size": 3, "stride": 2}),
        (2, 1, {"kernel_size": 3, "padding": 3}),
    ],
)
def test_others_are_left_to_torch(inputs, outputs, options, used):
    layers = (kind(inputs, outputs, dtype=torch.double, **options) for kind in (ImageConv2d, nn.Conv2d))
    agree(*layers, torch.rand(2, inputs, 9, 12, dtype=torch.double))
    assert not used


def test_products_are_used_in_fp32_only():
    x = torch.rand(2, 1, 8, 8)
    assert convolution.gains(x)
    assert not convolution.gains(x.double())
    assert not convolution.gains(x.to("meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not convolution.gains(x)
        assert ImageConv2d(1, 2, 3)(x).dtype == torch.bfloat16


def test_unbatched_images_and_functional_transforms_are_left_to_torch():
    layer, other = ImageConv2d(1, 2, 3), ImageConvTranspose2d(2, 1, 3)
    x = torch.rand(1, 8, 8, requires_grad=True)
    other(layer(x)).sum().backward()
    assert x.grad is not None
    weights = {name: weight.detach() for name, weight in layer.named_parameters()}

    def of_one(given, image):
        return torch.func.functional_call(layer, given, image[None]).square().sum()

    each = torch.func.vmap(torch.func.grad(of_one), (None, 0))(weights, torch.rand(3, 1, 8, 8))
    assert each["weight"].shape == (3, 2, 1, 3, 3)
