"""Diffusion through the contract: what it learns, keeps, generates, measures and refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from dlplug_generative.diffusion.bound import decoder_deviation, discretised_log_likelihood
from dlplug_generative.diffusion.denoisers import Denoiser, PlanarDenoiser
from dlplug_generative.diffusion.denoising import evenly
from dlplug_generative.diffusion.loss import Diffusion
from dlplug_generative.diffusion.metrics import diffusion_bound
from dlplug_generative.diffusion.product import Denoising
from dlplug_generative.diffusion.samplers import Moment
from dlplug_generative.diffusion.unet import UNet
from dlplug_generative.planar import PlanarHeldOut
from torch import Tensor, nn

from dlplug import Labelled, Spec, UserError, testing

POINTS = Spec((2,), 8, (0.5, 0.0), (2.0, 1.0))
PICTURES = Spec((1, 8, 8), 10)
SMALL = {"model.width": 16, "model.depth": 1, "data.batch_size": 8, "loss.timesteps": 10, "loss.steps": 5}
TINY = {**SMALL, "data": "digits", "model.width": 8, "model.stages": 2, "model.patch": 1, "model.dropout": 0.1}


def planar(labels: bool = False, **options: Any) -> Diffusion:
    torch.manual_seed(0)
    return Diffusion(PlanarDenoiser(POINTS, width=16, depth=1, labels=labels), timesteps=20, **options)


def test_points_learn_and_resume():
    testing.check_recipe("ddpm-8gaussians", {**SMALL, "model.labels": True, "loss.guidance": 1.0})


def test_pictures_learn_and_resume():
    testing.check_recipe("ddpm-fashion", TINY)


@pytest.mark.parametrize("recipe", ["ddpm-8gaussians", "ddpm-fashion"])
def test_denoising_is_shown(recipe: str):
    overlay = SMALL if recipe == "ddpm-8gaussians" else TINY
    testing.check_sampler(recipe, "denoising", overlay, {"moments": 3, "count": 2})


@pytest.mark.parametrize("target", ["noise", "clean", "v"])
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_loss_is_the_papers(target: str, schedule: str):
    loss = planar(target=target, schedule=schedule, decay=0.9)
    batch = Labelled(torch.randn(6, 2) + 3, torch.arange(6))
    (update,) = testing.check_loss(loss, batch)
    torch.manual_seed(5)
    (update,) = loss.updates(batch)
    torch.manual_seed(5)
    t, epsilon = torch.randint(1, 21, (6,)), torch.randn(6, 2)
    naive = 0.0
    for n in range(6):
        x = (batch.x[n] - torch.tensor([0.5, 0.0])) / torch.tensor([2.0, 1.0])
        alpha, sigma = loss.alpha[t[n]], loss.sigma[t[n]]
        given = loss.model((alpha * x + sigma * epsilon[n])[None], t[n][None] / 20, torch.zeros(1, dtype=torch.long))
        wanted = {"noise": epsilon[n], "clean": x, "v": alpha * epsilon[n] - sigma * x}[target]
        naive += (given[0] - wanted).square().sum().item() / 12
    assert update.loss.item() == pytest.approx(naive, rel=1e-5)


def test_so_many_labels_are_hidden():
    class Listening(PlanarDenoiser):
        def forward(self, z: Tensor, time: Tensor, label: Tensor) -> Tensor:
            self.heard = label
            return super().forward(z, time, label)

    model = Listening(POINTS, width=8, depth=1, labels=True)
    loss = Diffusion(model, label_dropout=0.25)
    y = torch.randint(8, (4000,))
    list(loss.updates(Labelled(torch.randn(4000, 2), y)))
    hidden = model.heard == 8
    assert hidden.float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert torch.equal(model.heard[~hidden], y[~hidden])


def test_what_generates_is_the_average():
    loss = planar(decay=0.5)
    weights = [p.detach().clone() for p in loss.model.parameters()]
    for update in loss.updates(Labelled(torch.randn(4, 2), torch.zeros(4, dtype=torch.long))):
        update.loss.backward()
        with torch.no_grad():
            for parameter in loss.model.parameters():
                parameter.add_(1.0)
    for before, made in zip(weights, loss.product().denoiser.parameters(), strict=True):
        assert torch.allclose(made, before + 0.5)
        assert not made.requires_grad


def test_what_is_saved_is_the_average_and_nothing_twice():
    assert planar().state_dict().keys() == {"averaged"}


@pytest.mark.parametrize("options", [{}, {"sampler": "ddim", "eta": 0.5}, {"sampler": "dpm-solver", "steps": 7}])
def test_generating_is_a_pure_function_of_its_arguments(options: dict[str, Any]):
    product = planar(**options).product()
    torch.manual_seed(1)
    one = product.generate(5, seed=3)
    torch.manual_seed(2)
    assert torch.equal(one, product.generate(5, seed=3))
    assert one.shape == (5, 2)
    assert not one.requires_grad
    assert not torch.equal(one, product.generate(5, seed=4))
    assert not torch.equal(one, product.generate(5, seed=3, steps=2))


def test_pictures_are_between_zero_and_one():
    product = Diffusion(UNet(PICTURES, width=8, stages=2, depth=1), timesteps=4).product()
    made = product.generate(3)
    assert made.shape == (3, 1, 8, 8)
    assert 0 <= made.min() < made.max() <= 1


def test_the_moments_shown_end_in_what_is_generated():
    product = planar(labels=True).product()
    *_, last = product.trajectory(6, seed=2, label=1)
    assert torch.equal(product.denoiser.natural(last.z), product.generate(6, seed=2, label=1))


def test_the_label_and_the_guidance_are_heard():
    loss = planar(labels=True, guidance=2.0)
    with torch.no_grad():
        for parameter in loss.averaged.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    product = loss.product()
    assert not torch.equal(product.generate(4, label=1), product.generate(4, label=2))
    kept: dict[str, Any] = {
        name: getattr(product, name) for name in ("schedule", "step", "target", "variance", "steps")
    }
    plain = Denoising(product.denoiser, guidance=0.0, **kept)
    z, label = torch.randn(4, 2), torch.full((4,), 3)
    heard, unheard = plain.clean(z, 9, label), plain.clean(z, 9, plain.denoiser.no_label(4))
    # x̂ is affine in what is given, so that it is guided in the same way
    assert torch.allclose(product.clean(z, 9, label), heard + 2 * (heard - unheard), atol=1e-4)


def test_without_a_label_all_of_them_are_drawn_evenly():
    labels = planar(labels=True).product().labels(8000, None, torch.Generator().manual_seed(0))
    assert torch.bincount(labels, minlength=8).tolist() == pytest.approx([1000] * 8, abs=120)


@pytest.mark.parametrize(
    ("labels", "asked", "says"),
    [
        (False, {"steps": 21}, "--steps must be between 1 and the schedule's 20, got 21"),
        (False, {"steps": 0}, "--steps must be between 1"),
        (False, {"label": 3}, "not conditional"),
        (True, {"label": 8}, "--label must be between 0 and 7"),
        (True, {"label": -1}, "--label must be between 0 and 7"),
        (False, {"count": 0}, "--count must be at least 1"),
    ],
)
def test_what_cannot_be_generated_is_refused(labels: bool, asked: dict[str, int], says: str):
    product = planar(labels=labels).product()
    with pytest.raises(UserError, match=says):
        product.generate(**{"count": 2, **asked})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"guidance": 1.0}, "needs --model.labels"),
        ({"decay": 1.0}, "--loss.decay"),
        ({"label_dropout": 1.5}, "--loss.label-dropout"),
        ({"eta": -1.0}, "--loss.eta"),
        ({"steps": 21}, "--loss.timesteps 20"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], says: str):
    with pytest.raises(UserError, match=says):
        planar(**options)


def test_a_model_that_denoises_nothing_is_refused():
    with pytest.raises(UserError, match="trains a denoiser"):
        Diffusion(nn.Linear(2, 2))


class Knowing(Denoiser):
    """Of pictures that are all alike, it knows which."""

    def __init__(self, spec: Spec, answer: Tensor) -> None:
        super().__init__(spec, labels=False)
        self.answer = nn.Parameter(self.range.inward(answer))

    def forward(self, z: Tensor, time: Tensor, label: Tensor) -> Tensor:
        return self.answer.expand_as(z)


class Split:
    def __init__(self, images: Tensor) -> None:
        self.images, self.y = images, torch.zeros(len(images), dtype=torch.long)


def test_pictures_that_are_known_cost_what_the_last_step_blurs():
    images = torch.randint(1, 255, (1, 8, 8, 1), dtype=torch.uint8)
    loss = Diffusion(Knowing(PICTURES, images.permute(0, 3, 1, 2) / 255), target="clean", variance="small")
    values = diffusion_bound(loss.product(), Split(images.expand(5, -1, -1, -1)), bound_images=4, bound_terms=9, seed=0)
    # all that is left is what N(x, σ_1²) puts outside of a pixel's interval
    blur = torch.distributions.Normal(0.0, decoder_deviation(loss.product().schedule, "small"))
    assert values["bpd_rate_4images_9terms"] == pytest.approx(0, abs=1e-3)
    assert values["bpd_distortion_4images_9terms"] == pytest.approx(
        -math.log2(blur.cdf(torch.tensor(1 / 255)) - blur.cdf(torch.tensor(-1 / 255))), rel=1e-3
    )
    assert "9 of the 999 terms" in values["protocol"]


def test_the_bound_is_the_sum_of_all_of_its_terms():
    """By the equation's letters, one time after another, for a net that always says black."""
    images = torch.randint(0, 256, (3, 8, 8, 1), dtype=torch.uint8)
    loss = Diffusion(Knowing(PICTURES, torch.zeros(1, 1, 8, 8)), target="clean", timesteps=30, schedule="cosine")
    x = (images.permute(0, 3, 1, 2).double() / 255 - 0.5) / 0.5
    schedule, guess = loss.product().schedule, torch.tensor(-1.0, dtype=torch.double)
    alpha_bar = schedule.alpha**2
    beta = 1 - alpha_bar[1:] / alpha_bar[:-1]
    nats = 0.5 * (alpha_bar[-1] * x**2 - alpha_bar[-1] - torch.log(1 - alpha_bar[-1]))
    for t in range(2, 31):
        # μ̃ differ by √ᾱ_{t-1} β_t / (1 - ᾱ_t) · (x - x̂)
        weight = alpha_bar[t - 1].sqrt() * beta[t - 1] / (1 - alpha_bar[t])
        variance = (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t]) * beta[t - 1]
        ratio = variance / beta[t - 1]
        nats = nats + 0.5 * (ratio - 1 - ratio.log() + (weight * (x - guess)) ** 2 / beta[t - 1])
    nats = nats - discretised_log_likelihood(x, guess, math.sqrt(beta[0]))
    values = diffusion_bound(loss.product(), Split(images), bound_images=3, bound_terms=29, seed=0)
    assert values["bpd_bound_3images_29terms"] == pytest.approx(nats.mean().item() / math.log(2), rel=1e-4)
    parts = values["bpd_rate_3images_29terms"] + values["bpd_distortion_3images_29terms"]
    assert parts == pytest.approx(values["bpd_bound_3images_29terms"])


def test_the_bound_is_of_what_diffuses_and_of_pictures():
    points = PlanarHeldOut(torch.randn(4, 2), torch.zeros(4, dtype=torch.long), (), torch.randn(4, 2))
    with pytest.raises(UserError, match="for images"):
        diffusion_bound(planar().product(), points, seed=0)
    with pytest.raises(UserError, match="not a Linear"):
        diffusion_bound(nn.Linear(2, 2), points, seed=0)


def test_the_moments_shown_are_even_and_end_at_both_ends():
    walked = [Moment(t, torch.zeros(1), torch.zeros(1)) for t in range(20, -1, -1)]
    assert [moment.t for moment in evenly(iter(walked), 21, 5)] == [20, 15, 10, 5, 0]
    assert [moment.t for moment in evenly(iter(walked[:3]), 3, 3)] == [20, 19, 18]
