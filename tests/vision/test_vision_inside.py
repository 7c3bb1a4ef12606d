"""What is seen inside, against loops over examples."""

from __future__ import annotations

import pytest
import torch
from dlplug_images.images import HeldOut
from dlplug_vision.classification.classics import AlexNet
from dlplug_vision.classification.mistakes import mistakes
from dlplug_vision.classification.quick import QuickNet
from dlplug_vision.inside.filters import filters
from dlplug_vision.inside.layers import convolutions, outputs_of
from dlplug_vision.inside.maps import maps
from dlplug_vision.inside.saliency import NOISE, saliency, saliency_of
from torch import nn

from dlplug import Spec, UserError


def spec() -> Spec:
    return Spec((1, 8, 8), 4, 0.5, 0.25, ("a", "b", "c", "d"))


def net(seed: int = 0) -> QuickNet:
    torch.manual_seed(seed)
    return QuickNet(spec(), width=4, stages=2)


def held_out(count: int = 30) -> HeldOut:
    images = torch.randint(0, 256, (count, 8, 8, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return HeldOut(images, torch.arange(count) % 4, ("a", "b", "c", "d"))


def test_saliency_is_the_slope_of_the_chosen_score():
    model = net().eval().double()
    x = torch.rand(2, 1, 8, 8, dtype=torch.double)
    with torch.no_grad():
        slopes, called = saliency_of(model, x)
        for n in range(2):
            for i, j in ((0, 0), (3, 4), (7, 7)):
                up, down = x[n : n + 1].clone(), x[n : n + 1].clone()
                up[0, 0, i, j] += 1e-6
                down[0, 0, i, j] -= 1e-6
                slope = (model(up) - model(down))[0, called[n]] / 2e-6
                assert slopes[n, i, j].item() == pytest.approx(abs(slope.item()), abs=1e-5)
    assert called.tolist() == model(x).argmax(1).tolist()


def test_smoothed_saliency_is_the_mean_slope_of_noisy_copies():
    model, x = net().eval(), torch.rand(2, 1, 8, 8)
    with torch.no_grad():
        torch.manual_seed(5)
        slopes, called = saliency_of(model, x, copies=3)
        torch.manual_seed(5)
        copies = [x + NOISE * torch.randn_like(x) for _ in range(3)]
    mean = torch.zeros_like(x)
    for copy in copies:
        for n in range(2):
            image = copy[n : n + 1].clone().requires_grad_()
            model(image)[0, called[n]].backward()
            mean[n] += image.grad[0] / 3
    torch.testing.assert_close(slopes, mean.abs()[:, 0], atol=1e-6, rtol=1e-4)


def test_maps_are_what_the_convolutions_give():
    model, data = net().eval(), held_out()
    first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    with torch.no_grad():
        (output,) = outputs_of(model, [first], data.images[:2])
        x = (data.images[:2].permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
        torch.testing.assert_close(output, nn.functional.conv2d(x, first.weight, padding=1))
    assert not any(m._forward_hooks for m in model.modules())


def test_maps_are_those_before_a_rectifier_that_works_in_place():
    torch.manual_seed(0)
    model = AlexNet(spec(), width=4, hidden=8).eval()
    with torch.no_grad():
        outputs = outputs_of(model, convolutions(model), held_out().images[:2])
    assert all(bool((output < 0).any()) for output in outputs)


def test_pictures_show_something_and_a_wrong_number_is_refused():
    model, data = net().eval(), held_out()
    with torch.no_grad():
        made = mistakes(model, data) | filters(model, data) | maps(model, data) | saliency(model, data, count=3, seed=0)
    assert made.keys() == {"confusion", "mistakes", "filters", "maps", "saliency"}
    assert all(image.pixels.std() > 10 and image.caption for image in made.values())
    with pytest.raises(UserError, match="between 0 and 29, got 30"):
        maps(model, data, image=30)
    with pytest.raises(UserError, match="no convolution"):
        filters(nn.Linear(1, 1), data)
