"""The losses of a variational autoencoder: the evidence lower bound, with one sample or k importance samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from dlplug import Labelled, Loss, NonNegativeFloat, NonNegativeInt, PositiveInt, Update, UserError
from dlplug_generative.vae.binarise import Binarisation, binarised
from dlplug_generative.vae.model import VAE, vae_of
from dlplug_generative.vae.terms import divergence, importance_bound, log_weights, reparametrised


class EvidenceLowerBound(Loss):
    """-ELBO = -E_q[log p(x|z)] + β KL(q(z|x) ‖ p(z)), in nats per example (Kingma & Welling 2014, arXiv:1312.6114).

    beta: weight β of the KL term; the loss is a bound only at 1 (Higgins et al. 2017, β-VAE).
    warmup: steps over which β rises linearly from 0 (Sønderby et al. 2016, arXiv:1602.02282).
    binarisation: static (once per image), dynamic (drawn again for every batch) or none.
    """

    remembers = ("step",)
    compiles = ("terms",)

    def __init__(
        self,
        model: nn.Module,
        *,
        beta: NonNegativeFloat = 1.0,
        warmup: NonNegativeInt = 0,
        binarisation: Literal["static", "dynamic", "none"] = "static",
    ) -> None:
        if beta < 0:
            raise UserError(f"--loss.beta must not be negative, got {beta}")
        if warmup < 0:
            raise UserError(f"--loss.warmup must not be negative, got {warmup}")
        super().__init__(model)
        vae = checked(model, "the loss elbo", binarisation)
        self.beta, self.warmup = beta, warmup
        self.binarisation: Binarisation = binarisation
        self.step = torch.zeros((), device=vae.mean.device)  # on the device, so that captured steps increment it

    def updates(self, batch: Labelled) -> Iterator[Update]:
        x = binarised(batch.x, self.binarisation)
        noise = torch.randn(1, len(x), vae_of(self.model).latents, device=x.device)
        reconstruction, kl = self.terms(x, batch.y, noise)
        self.step += 1
        beta = self.beta * (self.step / self.warmup).clamp(max=1) if self.warmup else self.beta
        # L = -E log p(x|z) + β KL(q(z|x) ‖ p(z))
        yield Update(beta * kl - reconstruction, elbo=reconstruction - kl, reconstruction=reconstruction, kl=kl)

    def terms(self, x: Tensor, y: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """E log p(x|z) and KL(q(z|x) ‖ p(z)), the means over a batch x (B, *input) of classes y (B,); noise: (1, B,
        latents)."""
        vae = vae_of(self.model)
        q = vae.encode(x, y)
        z = reparametrised(q, noise)
        return vae.log_likelihood(x, vae.decode(z, y)).mean(), divergence(q).mean()


class ImportanceWeighted(Loss):
    """-log 1/k Σ p(x|z) p(z) / q(z|x) over k samples of q, in nats per example (Burda et al. 2016, arXiv:1509.00519).

    samples: number of importance samples k; with 1 it is the evidence lower bound, its KL term estimated by sampling.
    binarisation: static (once per image), dynamic (drawn again for every batch) or none.
    """

    compiles = ("terms",)

    def __init__(
        self,
        model: nn.Module,
        *,
        samples: PositiveInt = 50,
        binarisation: Literal["static", "dynamic", "none"] = "static",
    ) -> None:
        if samples < 1:
            raise UserError(f"--loss.samples must be at least 1, got {samples}")
        super().__init__(model)
        checked(model, "the loss iwae", binarisation)
        self.samples = samples
        self.binarisation: Binarisation = binarisation

    def updates(self, batch: Labelled) -> Iterator[Update]:
        x = binarised(batch.x, self.binarisation)
        noise = torch.randn(self.samples, len(x), vae_of(self.model).latents, device=x.device)
        bound, reconstruction, kl = self.terms(x, batch.y, noise)
        yield Update(-bound, bound=bound, reconstruction=reconstruction, kl=kl)

    def terms(self, x: Tensor, y: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The bound, E log p(x|z) and KL(q(z|x) ‖ p(z)), the means over a batch x (B, *input) of classes y (B,); noise:
        (k, B, latents)."""
        vae = vae_of(self.model)
        q = vae.encode(x, y)
        z = reparametrised(q, noise)
        log_likelihood = vae.log_likelihood(x, vae.decode(z, y))
        # L_k = E log 1/k Σ w
        bound = importance_bound(log_weights(log_likelihood, q, z)).mean()
        return bound, log_likelihood.mean(), divergence(q).mean()


def checked(model: nn.Module, user: str, binarisation: Binarisation) -> VAE:
    """The model. Raises UserError if it is not a VAE, or if the binarisation does not fit its likelihood."""
    vae = vae_of(model, user)
    if binarisation != "none" and vae.likelihood != "bernoulli":
        raise UserError(
            f"--model.likelihood {vae.likelihood} needs --loss.binarisation none; {binarisation} binarisation needs "
            "--model.likelihood bernoulli"
        )
    return vae
