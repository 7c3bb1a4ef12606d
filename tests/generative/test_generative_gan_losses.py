"""Adversarial losses and penalties against slow ones, one example at a time."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from dlplug_generative.gan.objectives import OBJECTIVES
from dlplug_generative.gan.penalties import clip_weights, gradient_penalty, r1
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

scores = st.lists(st.floats(-30, 30), min_size=2, max_size=6)


@given(scores, scores)
def test_losses_are_what_the_papers_say_one_score_at_a_time(real: list[float], fake: list[float]):
    def log_of_sigmoid(score: float) -> float:
        return -math.log1p(math.exp(-score))

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    expected = {
        "non-saturating": (
            -mean([log_of_sigmoid(s) for s in real]) - mean([log_of_sigmoid(-s) for s in fake]),
            -mean([log_of_sigmoid(s) for s in fake]),
        ),
        "hinge": (mean([max(0, 1 - s) for s in real]) + mean([max(0, 1 + s) for s in fake]), -mean(fake)),
        "wasserstein": (mean(fake) - mean(real), -mean(fake)),
    }
    for name, objective in OBJECTIVES.items():
        x, z = torch.tensor(real, dtype=torch.double), torch.tensor(fake, dtype=torch.double)
        # Above 20 torch's softplus(x) is x, which leaves out up to e^-20 = 2e-9 in each of a critic's two means.
        assert float(objective.critic(x, z)) == pytest.approx(expected[name][0], abs=5e-9)
        assert float(objective.generator(z)) == pytest.approx(expected[name][1], abs=5e-9)


@torch.no_grad()
def by_differences(function: Any, x: Tensor, step: float = 1e-5) -> Tensor:
    """The slope of a scalar function at x (F,), by central differences."""
    return torch.stack([(function(x + step * e) - function(x - step * e)) / (2 * step) for e in torch.eye(len(x))])


def bumpy() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1), nn.Flatten(0)).double()


def test_penalties_are_of_each_examples_own_slope():
    torch.set_default_dtype(torch.double)
    try:
        critic = bumpy()
        real, fake = torch.randn(4, 3), torch.randn(4, 3)
        torch.manual_seed(1)
        penalty = gradient_penalty(critic, real, fake)
        torch.manual_seed(1)
        epsilon = torch.rand(4, 1)
        for n in range(4):
            between = epsilon[n] * real[n] + (1 - epsilon[n]) * fake[n]
            size = by_differences(lambda x: critic(x[None])[0], between).norm()
            assert float(penalty[n].detach()) == pytest.approx(float((size - 1) ** 2), rel=1e-4)
            size = by_differences(lambda x: critic(x[None])[0], real[n]).norm()
            assert float(r1(critic, real)[n].detach()) == pytest.approx(float(size**2 / 2), rel=1e-4)
    finally:
        torch.set_default_dtype(torch.float)


@pytest.mark.parametrize("name", ["gradient", "r1"])
def test_penalties_can_be_learnt_from(name: str):
    critic = bumpy()
    real, fake = torch.randn(2, 4, 3, dtype=torch.double)

    def penalty() -> Tensor:
        torch.manual_seed(2)
        return (gradient_penalty(critic, real, fake) if name == "gradient" else r1(critic, real)).mean()

    penalty().backward()
    weight = next(critic.parameters())
    assert weight.grad is not None
    with torch.no_grad():
        for place in ((0, 0), (3, 2)):
            values = []
            for step in (1e-5, -2e-5):
                weight[place] += step
                with torch.enable_grad():
                    values.append(float(penalty().detach()))
            weight[place] += 1e-5
            assert float(weight.grad[place]) == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-4, abs=1e-8)


def test_a_linear_critic_pays_for_its_slope_in_closed_form():
    weight = torch.tensor([3.0, 4.0])
    real, fake = torch.randn(2, 6, 2)
    torch.testing.assert_close(gradient_penalty(lambda x: x @ weight, real, fake), torch.full((6,), 16.0))
    torch.testing.assert_close(r1(lambda x: x @ weight, real), torch.full((6,), 12.5))


def test_a_flat_critic_has_a_finite_gradient():
    critic = nn.Linear(2, 1)
    nn.init.zeros_(critic.weight)
    gradient_penalty(lambda x: critic(x).squeeze(1), torch.randn(3, 2), torch.randn(3, 2)).mean().backward()
    assert critic.weight.grad is not None
    assert critic.weight.grad.isfinite().all()


def test_clipping_leaves_small_weights_alone():
    layer = nn.Linear(4, 4)
    before = layer.weight.detach().clone()
    clip_weights(layer, 0.1)
    torch.testing.assert_close(layer.weight.detach(), before.clamp(-0.1, 0.1))
    assert (layer.weight.abs() == 0.1).any()
    assert (layer.weight.abs() < 0.1).any()
