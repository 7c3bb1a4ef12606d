"""Variational autoencoders of any likelihood on any data: bounds that hold, and refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from dlplug_generative.planar import EightGaussians
from dlplug_generative.vae.binarise import binarised
from dlplug_generative.vae.losses import EvidenceLowerBound, ImportanceWeighted
from dlplug_generative.vae.networks import ConvVAE, DenseVAE
from dlplug_generative.vae.samplers import manifold, reconstructed
from small_batches import COLOUR, GREY, POINTS, batch, spec, split
from torch import nn

from dlplug import Labelled, UserError, testing


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


def test_what_cannot_be_is_said():
    grey = DenseVAE(spec(), latents=3, hidden=8)
    with pytest.raises(UserError, match="is not conditional"):
        grey.generate(1, label=0)
    with pytest.raises(UserError, match=r"leave out --steps 5"):
        grey.generate(1, steps=5)
    with pytest.raises(UserError, match=r"--count must be at least 1"):
        grey.generate(0)
    with pytest.raises(UserError, match=r"--label must be between 0 and 3, got 4"):
        DenseVAE(spec(), latents=3, hidden=8, conditional=True).generate(1, label=4)
    with pytest.raises(UserError, match="28x28 cannot be halved 3 times"):
        ConvVAE(spec(), stages=3)
    with pytest.raises(UserError, match="vae-conv takes images"):
        ConvVAE(spec(POINTS), likelihood="gaussian")
    with pytest.raises(UserError, match=r"points need --model.likelihood gaussian"):
        DenseVAE(spec(POINTS))
    with pytest.raises(UserError, match=r"--model.latents must be at least 1"):
        DenseVAE(spec(), latents=0)
    with pytest.raises(UserError, match="needs a VAE"):
        EvidenceLowerBound(nn.Linear(2, 2))
    with pytest.raises(UserError, match=r"needs --loss.binarisation none"):
        EvidenceLowerBound(DenseVAE(spec(), likelihood="logistic"))
    with pytest.raises(UserError, match=r"--loss.samples must be at least 1"):
        ImportanceWeighted(grey, samples=0)
    with pytest.raises(UserError, match=r"--model.latents 2\), this one has 3"):
        manifold(grey, split())
    points = DenseVAE(spec(POINTS), likelihood="gaussian")
    with pytest.raises(UserError, match="shows images"):
        reconstructed(points, EightGaussians(seed=0).split("test"), seed=0)
