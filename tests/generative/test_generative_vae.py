"""Variational autoencoders of any likelihood on any data: bounds that hold, labels that are asked for, refusals."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pytest
import torch
from dlplug_generative.planar import EightGaussians
from dlplug_generative.vae.binarise import binarised
from dlplug_generative.vae.losses import EvidenceLowerBound, ImportanceWeighted
from dlplug_generative.vae.metrics import evidence, log_likelihoods
from dlplug_generative.vae.model import VAE
from dlplug_generative.vae.networks import ConvVAE, DenseVAE
from dlplug_generative.vae.samplers import interpolation, manifold, on_the_way, plane, reconstructed
from torch import Tensor, nn

from dlplug import Labelled, Spec, UserError, testing

GREY, COLOUR, POINTS = (1, 28, 28), (3, 32, 32), (2,)


class Split(NamedTuple):
    """As vision's held-out pictures are."""

    images: Tensor
    y: Tensor
    names: tuple[str, ...] = tuple("0123")


def spec(shape: tuple[int, ...] = GREY) -> Spec:
    return Spec(shape, 4, 0.2, 0.3)


def split(count: int = 12, shape: tuple[int, ...] = GREY) -> Split:
    channels, height, width = shape
    return Split(torch.randint(256, (count, height, width, channels), dtype=torch.uint8), torch.arange(count) % 4)


def batch(shape: tuple[int, ...], count: int = 6) -> Labelled:
    if len(shape) == 1:
        return Labelled(torch.randn(count, *shape), torch.arange(count) % 4)
    return Labelled(torch.randint(256, (count, *shape)).float() / 255, torch.arange(count) % 4)


# Networks and losses


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "logistic"])
@pytest.mark.parametrize(("kind", "shape"), [(DenseVAE, GREY), (DenseVAE, COLOUR), (ConvVAE, GREY), (ConvVAE, COLOUR)])
def test_any_network_learns_any_likelihood_of_pictures(
    kind: Any, shape: tuple[int, ...], likelihood: str, conditional: bool
):
    model = kind(spec(shape), latents=3, hidden=8, likelihood=likelihood, conditional=conditional)
    how = "static" if likelihood == "bernoulli" else "none"
    for loss in (EvidenceLowerBound(model, binarisation=how), ImportanceWeighted(model, samples=3, binarisation=how)):
        testing.check_loss(loss, batch(shape))
    made = model.generate(5, seed=1)
    assert made.shape == (5, *shape)
    assert float(made.min()) >= 0
    assert float(made.max()) <= 1


@pytest.mark.parametrize("conditional", [False, True])
def test_points_are_learnt_too(conditional: bool):
    model = DenseVAE(spec(POINTS), latents=2, hidden=8, likelihood="gaussian", conditional=conditional)
    testing.check_loss(EvidenceLowerBound(model, binarisation="none"), batch(POINTS))
    assert model.generate(5).shape == (5, 2)


@pytest.mark.parametrize("kind", [DenseVAE, ConvVAE])
def test_gradients_reach_every_weight(kind: Any):
    model = kind(spec(), latents=3, hidden=8, likelihood="logistic", conditional=True)
    update = next(EvidenceLowerBound(model, binarisation="none").updates(batch(GREY)))
    update.loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name


@torch.no_grad()
def test_the_elbo_is_the_one_by_hand():
    model = DenseVAE(spec(), latents=3, hidden=8)
    x, y = batch(GREY)
    torch.manual_seed(3)
    update = next(EvidenceLowerBound(model, beta=0.5).updates(Labelled(x, y)))
    torch.manual_seed(3)
    noise = torch.randn(1, len(x), 3)[0]
    white = binarised(x, "static").flatten(1)
    total = 0.0
    for n in range(len(x)):
        mean, log_variance = model.encoder(((white[n] - 0.2) / 0.3)[None]).chunk(2, -1)
        p = torch.sigmoid(model.decoder(mean + (0.5 * log_variance).exp() * noise[n])).flatten()
        reconstruction = float((white[n] * p.log() + (1 - white[n]) * (1 - p).log()).sum())
        kl = float(0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum())
        total += (0.5 * kl - reconstruction) / len(x)
    assert float(update.loss) == pytest.approx(total, rel=1e-4)
    values = {name: float(value) for name, value in update.values.items()}
    assert values["elbo"] == pytest.approx(values["reconstruction"] - values["kl"], rel=1e-5)


def test_beta_warms_up_and_its_step_is_saved():
    model = DenseVAE(spec(), latents=3, hidden=8)
    loss = EvidenceLowerBound(model, beta=2.0, warmup=4)
    weights = []
    for step in range(6):
        if step == 3:
            state = testing.through_a_file(loss.state_dict())
            loss = EvidenceLowerBound(model, beta=2.0, warmup=4)
            loss.load_state_dict(state)
        update = next(loss.updates(batch(GREY)))
        values = {name: float(torch.as_tensor(value).detach()) for name, value in update.values.items()}
        weights.append(float((update.loss.detach() + values["reconstruction"]) / values["kl"]))
    assert weights == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0, 2.0], rel=1e-2)


def test_the_weights_are_saved_once():
    model = DenseVAE(spec(), latents=3, hidden=8)
    assert EvidenceLowerBound(model).state_dict().keys() == {"step"}
    assert not ImportanceWeighted(model).state_dict()


def test_a_bound_of_more_samples_is_higher():
    model = DenseVAE(spec(), latents=3, hidden=16)
    some = batch(GREY, 200)
    torch.manual_seed(0)
    with torch.no_grad():
        one, five, fifty = (
            float(next(ImportanceWeighted(model, samples=k).updates(some)).values["bound"]) for k in (1, 5, 50)
        )
        elbo = float(next(EvidenceLowerBound(model).updates(some)).values["elbo"])
    assert one < five < fifty
    assert one == pytest.approx(elbo, abs=0.3)


# Likelihoods that are known


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


# What it makes


def test_what_is_made_hangs_on_weights_and_arguments_alone():
    model = DenseVAE(spec(), latents=3, hidden=8, conditional=True)
    made = model.generate(6, seed=2)
    torch.manual_seed(9)
    assert torch.equal(model.generate(6, seed=2), made)
    assert not torch.equal(model.generate(6, seed=3), made)
    assert not made.requires_grad
    assert not torch.equal(model.generate(6, seed=2, label=1), model.generate(6, seed=2, label=2))


def test_a_conditional_model_learns_what_its_label_means():
    """Class c is a picture whose left half is as bright as c says; z cannot tell, for it is switched off by β."""
    torch.manual_seed(0)
    model = DenseVAE(spec((1, 4, 4)), latents=2, hidden=16, conditional=True)
    loss = EvidenceLowerBound(model, beta=10.0, binarisation="dynamic")
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    y = torch.arange(4).repeat(16)
    x = torch.zeros(64, 1, 4, 4)
    x[..., :2] = (y / 3).view(-1, 1, 1, 1)
    for _ in range(150):
        for update in loss.updates(Labelled(x, y)):
            update.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    for label in range(4):
        made = model.generate(50, label=label)
        assert float(made[..., :2].mean()) == pytest.approx(label / 3, abs=0.1)
        assert float(made[..., 2:].mean()) < 0.05


def test_points_are_drawn_with_their_noise():
    model = linear_vae()
    made = model.generate(20_000, seed=1)
    expected = torch.tensor([1.5**2 + 0.25, 0.4**2 + 0.25])
    torch.testing.assert_close(made.var(0), expected, rtol=0.05, atol=0.0)


@torch.no_grad()
def test_pictures_of_the_latents_have_their_size():
    model, held_out = ConvVAE(spec(), latents=2, hidden=8, conditional=True), split(40)

    def shape(*tiles: int) -> tuple[int, ...]:
        """Of rows and columns of 56 pixels with lines of one between, made even."""
        return *(57 * count - 1 + (57 * count - 1) % 2 for count in tiles), 3

    assert reconstructed(model, held_out, count=8, seed=0)["reconstructed"].pixels.shape == shape(2, 8)
    assert interpolation(model, held_out, count=3, between=4, seed=0)["interpolation"].pixels.shape == shape(3, 6)
    assert manifold(model, held_out, side=5, label=1)["manifold"].pixels.shape == shape(5, 5)


def test_the_way_between_two_latents_is_straight():
    ends = torch.tensor([[[0.0, 2.0], [3.0, -1.0]]])
    expected = torch.tensor([[[0.0, 2.0], [1.0, 1.0], [2.0, 0.0], [3.0, -1.0]]])
    torch.testing.assert_close(on_the_way(ends, 4), expected, rtol=0, atol=1e-6)


def test_the_plane_is_evenly_likely_and_the_first_latent_runs_along_a_row():
    z = plane(4)
    shares = torch.special.ndtr(z)
    torch.testing.assert_close(shares[:4, 0], torch.tensor([0.125, 0.375, 0.625, 0.875]))
    torch.testing.assert_close(shares[::4, 1], torch.tensor([0.875, 0.625, 0.375, 0.125]))


# What is refused


def test_what_cannot_be_is_said():
    grey = DenseVAE(spec(), latents=3, hidden=8)
    with pytest.raises(UserError, match="has learnt no labels"):
        grey.generate(1, label=0)
    with pytest.raises(UserError, match=r"--steps 5 means nothing"):
        grey.generate(1, steps=5)
    with pytest.raises(UserError, match=r"--count must be at least 1"):
        grey.generate(0)
    with pytest.raises(UserError, match=r"--label must be between 0 and 3, got 4"):
        DenseVAE(spec(), latents=3, hidden=8, conditional=True).generate(1, label=4)
    with pytest.raises(UserError, match="28x28 cannot be halved 3 times"):
        ConvVAE(spec(), stages=3)
    with pytest.raises(UserError, match="vae-conv takes pictures"):
        ConvVAE(spec(POINTS), likelihood="gaussian")
    with pytest.raises(UserError, match=r"these data need gaussian"):
        DenseVAE(spec(POINTS))
    with pytest.raises(UserError, match=r"--model.latents must be at least 1"):
        DenseVAE(spec(), latents=0)
    with pytest.raises(UserError, match="needs a VAE"):
        EvidenceLowerBound(nn.Linear(2, 2))
    with pytest.raises(UserError, match=r"needs --loss.binarisation none"):
        EvidenceLowerBound(DenseVAE(spec(), likelihood="logistic"))
    with pytest.raises(UserError, match=r"--loss.samples must be at least 1"):
        ImportanceWeighted(grey, samples=0)
    with pytest.raises(UserError, match=r"this model has 3: --model.latents 2"):
        manifold(grey, split())
    points = DenseVAE(spec(POINTS), likelihood="gaussian")
    with pytest.raises(UserError, match="shows pictures"):
        reconstructed(points, EightGaussians(seed=0).split("test"), seed=0)
