"""Losses, metrics and what is seen inside, against loops over examples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from dlplug_images.classification import calibration_error, classification, logits_of, top
from dlplug_images.cross_entropy import cross_entropy, mixed
from dlplug_images.images import HeldOut
from dlplug_vision.classification.classics import AlexNet
from dlplug_vision.classification.mistakes import mistakes
from dlplug_vision.classification.quick import QuickNet
from dlplug_vision.inside.filters import filters
from dlplug_vision.inside.layers import convolutions, outputs_of
from dlplug_vision.inside.maps import maps
from dlplug_vision.inside.saliency import NOISE, saliency, saliency_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dlplug import Labelled, Spec, UserError, testing


def spec() -> Spec:
    return Spec((1, 8, 8), 4, 0.5, 0.25, ("a", "b", "c", "d"))


def net(seed: int = 0) -> QuickNet:
    torch.manual_seed(seed)
    return QuickNet(spec(), width=4, stages=2)


def held_out(count: int = 30) -> HeldOut:
    images = torch.randint(0, 256, (count, 8, 8, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return HeldOut(images, torch.arange(count) % 4, ("a", "b", "c", "d"))


def by_hand(logits: torch.Tensor, y: torch.Tensor, smoothing: float) -> float:
    total = 0.0
    for row, answer in zip(logits.tolist(), y.tolist(), strict=True):
        normaliser = math.log(sum(math.exp(v) for v in row))
        for j, value in enumerate(row):
            wanted = (1 - smoothing) * (j == answer) + smoothing / len(row)
            total -= wanted * (value - normaliser)
    return total / len(y)


@given(st.floats(0, 0.9, allow_subnormal=False), st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_smoothed_cross_entropy_is_its_definition(smoothing, seed):
    generator = torch.Generator().manual_seed(seed)
    model = nn.Identity()
    batch = Labelled(torch.randn(6, 4, generator=generator), torch.randint(4, (6,), generator=generator))
    (update,) = cross_entropy(model, smoothing=smoothing).updates(batch)
    assert update.loss.item() == pytest.approx(by_hand(batch.x, batch.y, smoothing), rel=1e-4)


def test_mixup_weighs_both_answers_as_it_mixes_the_images():
    batch = Labelled(torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1]))
    torch.manual_seed(3)
    (update,) = cross_entropy(nn.Identity(), mixup=0.7).updates(batch)
    torch.manual_seed(3)
    share = torch.distributions.Beta(torch.tensor(0.7), torch.tensor(0.7)).sample().item()
    x = torch.stack([share * batch.x[i] + (1 - share) * batch.x[5 - i] for i in range(6)])
    expected = share * by_hand(x, batch.y, 0) + (1 - share) * by_hand(x, batch.y.flip(0), 0)
    assert update.loss.item() == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(mixed(batch.x, torch.tensor(share)), x)


@pytest.mark.parametrize("options", [{}, {"smoothing": 0.1}, {"mixup": 0.4}])
def test_the_loss_keeps_the_contract(options):
    testing.check_loss(cross_entropy(net(), **options), Labelled(torch.rand(8, 1, 8, 8), torch.arange(8) % 4))


@pytest.mark.parametrize("options", [{"smoothing": 1.0}, {"mixup": -1.0}])
def test_a_bad_share_is_one_clear_line(options):
    with pytest.raises(UserError, match=r"--loss\.smoothing is in"):
        list(cross_entropy(net(), **options).updates(Labelled(torch.rand(2, 1, 8, 8), torch.zeros(2).long())))


@given(st.integers(1, 40), st.integers(2, 7), st.integers(1, 6), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_top_and_calibration_are_their_definitions(count, classes, bins, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(count, classes, generator=generator)
    y = torch.randint(classes, (count,), generator=generator)
    for best in (1, 5):
        hits = [answer in sorted(range(classes), key=lambda c: -row[c])[:best]
                for row, answer in zip(logits.tolist(), y.tolist(), strict=True)]  # fmt: skip
        assert top(logits, y, best) == pytest.approx(sum(hits) / count)
    probability = logits.softmax(1)
    total = 0.0
    for m in range(bins):
        inside = [n for n in range(count) if m / bins < probability[n].max().item() <= (m + 1) / bins]
        if inside:
            accuracy = np.mean([probability[n].argmax() == y[n] for n in inside])
            confidence = np.mean([probability[n].max().item() for n in inside])
            total += len(inside) / count * abs(accuracy - confidence)
    assert calibration_error(probability, y, bins) == pytest.approx(total, abs=1e-5)


def test_a_model_that_is_always_half_right_and_half_sure_is_calibrated():
    probability = torch.tensor([[0.5, 0.3, 0.2]]).expand(100, 3)
    assert calibration_error(probability, torch.arange(100) % 2) == pytest.approx(0, abs=1e-6)
    assert calibration_error(probability, torch.ones(100).long()) == pytest.approx(0.5)


def test_classification_measures_the_whole_split_whatever_the_batches():
    model, data = net().eval(), held_out()
    with torch.no_grad():
        values = classification(model, data)
        one_by_one = torch.cat([model(image.permute(2, 0, 1)[None] / 255) for image in data.images])
        assert torch.allclose(logits_of(model, data.images, 7), one_by_one, atol=1e-5)
    assert values["accuracy"] == pytest.approx((one_by_one.argmax(1) == data.y).float().mean().item())
    assert values["top5"] == 1  # of four classes
    assert values["loss"] == pytest.approx(by_hand(one_by_one, data.y, 0), rel=1e-4)


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
