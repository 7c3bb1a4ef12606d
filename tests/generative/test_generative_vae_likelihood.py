"""The likelihood of held-out data, where it is known in closed form, and what names its protocol."""

from __future__ import annotations

import math

import pytest
import torch
from dlplug_generative.vae.metrics import evidence, log_likelihoods
from dlplug_generative.vae.model import VAE
from dlplug_generative.vae.networks import DenseVAE
from small_batches import spec, split
from torch import Tensor, nn

from dlplug import Labelled, Spec


class Exact(nn.Module):
    """q(z|x) = p(z|x) of x = w z + b + σ ε, each number by itself, with the variance wrong by a factor."""

    def __init__(self, error: float) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        variance = 1 / (1 + SLOPE**2 / DEVIATION**2)
        mean = variance * SLOPE * (x - SHIFT) / DEVIATION**2
        return torch.cat([mean, (self.error * variance).log().expand_as(mean)], 1)


SLOPE, SHIFT, DEVIATION = torch.tensor([1.5, 0.4]), torch.tensor([0.3, -1.0]), 0.5


def linear_vae(error: float = 1.0) -> VAE:
    decoder = nn.Linear(2, 2)
    with torch.no_grad():
        decoder.weight.copy_(SLOPE.diag())
        decoder.bias.copy_(SHIFT)
    model = VAE(Spec((2,), 1), Exact(error), decoder, latents=2, likelihood="gaussian", conditional=False)
    nn.init.constant_(model.log_scale, math.log(DEVIATION))
    return model


def exact_log_likelihood(x: Tensor) -> Tensor:
    """x ~ N(b, w² + σ²)."""
    variance = SLOPE**2 + DEVIATION**2
    return (-0.5 * (x - SHIFT) ** 2 / variance - 0.5 * (2 * math.pi * variance).log()).sum(1)


@torch.no_grad()
def test_with_the_true_posterior_every_weight_is_the_likelihood():
    model = linear_vae()
    x = torch.randn(7, 2)
    found = log_likelihoods(model, Labelled(x, torch.zeros(7, dtype=torch.long)), 3, seed=0)
    torch.testing.assert_close(found, exact_log_likelihood(x), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_many_samples_of_a_wrong_posterior_find_the_likelihood():
    model = linear_vae(error=1.7)
    x = torch.randn(30, 2)
    split = Labelled(x, torch.zeros(30, dtype=torch.long))
    truth = float(exact_log_likelihood(x).mean())
    few, many = (float(log_likelihoods(model, split, k, seed=0).mean()) for k in (1, 1200))
    assert many == pytest.approx(truth, abs=0.01)
    assert few < many - 0.02


@torch.no_grad()
def test_what_is_measured_has_its_protocol_in_its_name_and_hangs_on_no_chunk(monkeypatch: pytest.MonkeyPatch):
    model, held_out = DenseVAE(spec(), latents=3, hidden=8), split(30)
    values = evidence(model, held_out, importance_samples=7, seed=0)
    assert values.keys() == {"elbo_static", "reconstruction_static", "kl_static", "nll_static_iws7", "protocol"}
    assert values["elbo_static"] == pytest.approx(values["reconstruction_static"] - values["kl_static"])
    assert -values["nll_static_iws7"] > values["elbo_static"] - 0.5
    assert evidence(model, held_out, importance_samples=7, seed=0) == values
    monkeypatch.setattr("dlplug_generative.vae.metrics.AT_ONCE", 4)
    apart = evidence(model, held_out, importance_samples=7, seed=0)
    assert apart["kl_static"] == pytest.approx(values["kl_static"])
    assert apart["nll_static_iws7"] == pytest.approx(values["nll_static_iws7"], rel=0.01)
    dynamic = evidence(model, held_out, importance_samples=3, likelihood_of=5, binarisation="dynamic", seed=0)
    assert "nll_dynamic_iws3" in dynamic
    assert dynamic["protocol"].startswith("5 examples")
    assert evidence(model, held_out, importance_samples=0, seed=0).keys() == values.keys() - {
        "nll_static_iws7",
        "protocol",
    }


def test_points_are_drawn_with_their_noise():
    model = linear_vae()
    made = model.generate(20_000, seed=1)
    expected = torch.tensor([1.5**2 + 0.25, 0.4**2 + 0.25])
    torch.testing.assert_close(made.var(0), expected, rtol=0.05, atol=0.0)
