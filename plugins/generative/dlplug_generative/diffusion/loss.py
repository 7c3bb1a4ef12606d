"""The loss of denoising diffusion (Ho et al. 2020)."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import (
    Fraction,
    Labelled,
    Lagged,
    Loss,
    NonNegativeFloat,
    NonNegativeInt,
    ProperFraction,
    Range,
    Update,
    UserError,
)
from dlplug_generative.diffusion.denoisers import Denoiser
from dlplug_generative.diffusion.product import Denoising
from dlplug_generative.diffusion.samplers import step_of
from dlplug_generative.diffusion.schedules import schedule_of
from dlplug_generative.diffusion.targets import noised, target_of


class Diffusion(Loss):
    """Squared error of a denoiser at uniformly drawn timesteps (Ho et al. 2020, arXiv:2006.11239, algorithm 1).

    Samples come from an exponential moving average of the weights, θ' ← decay · θ' + (1 - decay) · θ at every step.

    target: what the denoiser predicts: the noise ε, the clean x, or v = α ε - σ x (Salimans & Ho 2022).
    schedule: noise schedule: linear β (Ho et al. 2020) or cosine ᾱ (Nichol & Dhariwal 2021).
    timesteps: T, the number of noise levels.
    decay: EMA decay of the weights; Ho et al. use 0.9999, for 800,000 steps.
    label_dropout: probability of dropping a label in training, for classifier-free guidance (Ho & Salimans 2022,
        arXiv:2207.12598); only for models with labels.
    sampler: ancestral (Ho et al. 2020), ddim (Song et al. 2021) or second-order dpm-solver (Lu et al. 2022).
    steps: default number of sampling steps (--steps); 0 uses every timestep.
    eta: noise of ddim: 0 is deterministic, 1 adds as much as ancestral sampling.
    variance: variance of ancestral steps and of the bound: large is β, small that of the posterior.
    guidance: weight w of classifier-free guidance; 0 turns it off, larger values trade variety for fidelity.
    """

    compiles = ("error",)

    def __init__(
        self,
        model: nn.Module,
        *,
        target: Literal["noise", "clean", "v"] = "noise",
        schedule: Literal["linear", "cosine"] = "linear",
        timesteps: Annotated[int, Range(ge=2)] = 1000,
        decay: ProperFraction = 0.9999,
        label_dropout: Fraction = 0.1,
        sampler: Literal["ancestral", "ddim", "dpm-solver"] = "ancestral",
        steps: NonNegativeInt = 0,
        eta: Fraction = 0.0,
        variance: Literal["large", "small"] = "large",
        guidance: NonNegativeFloat = 0.0,
    ) -> None:
        model = as_denoiser(model)
        for option, value in (("label-dropout", label_dropout), ("eta", eta)):
            if not 0 <= value <= 1:
                raise UserError(f"--loss.{option} must be in [0, 1], got {value}")
        if not 0 <= decay < 1:
            raise UserError(f"--loss.decay must be in [0, 1), got {decay}")
        if not 0 <= steps <= timesteps:
            raise UserError(
                f"--loss.steps must be between 1 and --loss.timesteps {timesteps}, or 0 for all, got {steps}"
            )
        if guidance and not (model.classes and label_dropout):
            raise UserError("--loss.guidance needs --model.labels, and --loss.label-dropout above 0")
        super().__init__(model)
        self.target, self.label_dropout = target, label_dropout
        full = schedule_of(schedule, timesteps)
        self.alpha, self.sigma = (values.float().to(model.range.middle.device) for values in full)
        self.averaged = Lagged(model, 1 - decay)
        self.generating = functools.partial(
            Denoising,
            schedule=full,
            step=step_of(sampler, eta, variance),
            target=target,
            variance=variance,
            steps=steps or timesteps,
            guidance=guidance,
        )

    def updates(self, batch: Labelled) -> Iterator[Update]:
        denoiser = as_denoiser(self.model)
        x = denoiser.range.inward(batch.x)
        t = torch.randint(1, len(self.alpha), (len(x),), device=x.device)
        epsilon = torch.randn_like(x)
        hidden = torch.rand(len(x), device=x.device) < self.label_dropout
        label = torch.where(hidden, denoiser.classes, batch.y)
        yield Update(self.error(x, t, epsilon, label))
        self.averaged.follow(denoiser)

    def error(self, x: Tensor, t: Tensor, epsilon: Tensor, label: Tensor) -> Tensor:
        """The mean squared error over a batch x (B, *input) at timesteps t (B,), with noise epsilon (B, *input)."""
        over = (slice(None),) + (None,) * (x.ndim - 1)
        alpha, sigma = self.alpha[t][over], self.sigma[t][over]
        # L_simple = |ε - ε_θ(α_t x + σ_t ε, t)|²  (equation 14), or the same of x or v
        predicted = self.model(noised(x, epsilon, alpha, sigma), t / (len(self.alpha) - 1), label)
        return F.mse_loss(predicted, target_of(self.target, x, epsilon, alpha, sigma))

    def product(self) -> Denoising:
        return self.generating(as_denoiser(self.averaged.module))


def as_denoiser(model: nn.Module) -> Denoiser:
    if not isinstance(model, Denoiser):
        raise UserError("the loss diffusion trains a denoiser: --model ddpm-unet for images, ddpm-mlp for points")
    return model
