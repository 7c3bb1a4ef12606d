"""The loss and the metric of classifiers, against loops over examples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from dlplug_images.classification import calibration_error, classification, logits_of, top_k_accuracy
from dlplug_images.cross_entropy import cross_entropy, mixed
from dlplug_images.images import HeldOut
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dlplug import Labelled, UserError, testing


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 4))


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
    with pytest.raises(UserError, match=r"--loss\.smoothing must be in"):
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
        assert top_k_accuracy(logits, y, best) == pytest.approx(sum(hits) / count)
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
