"""Bounds on the log-likelihood of held-out examples, in nats: the ELBO, and the likelihood by importance sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Generator, Tensor

from dlplug import Labelled, NonNegativeInt, UserError, checked_by
from dlplug.stop import stoppable
from dlplug_generative.generating import examples_of
from dlplug_generative.vae.binarise import Binarisation, binarised, named
from dlplug_generative.vae.losses import checked
from dlplug_generative.vae.model import VAE, vae_of
from dlplug_generative.vae.terms import divergence, importance_bound, log_weights, reparametrised

AT_ONCE = 500  # samples decoded at once: a layer's output for them fits into a CPU's cache


class Terms(NamedTuple):
    """The terms of each example, (N,), in nats."""

    reconstruction: Tensor
    kl: Tensor


def check_evidence(
    model: Any, data: Any, *, binarisation: Binarisation, importance_samples: int, likelihood_of: int, seed: int
) -> None:
    checked(vae_of(model, "it"), "it", binarisation)
    if likelihood_of > len(data.y):
        raise UserError(
            f"--metrics.evidence.likelihood-of must be at most {len(data.y)}, the held-out examples (0 takes all), got"
            f" {likelihood_of}"
        )


@checked_by(check_evidence)
def evidence(
    model: Any,
    data: Any,
    *,
    binarisation: Literal["static", "dynamic", "none"] = "static",
    importance_samples: NonNegativeInt = 200,
    likelihood_of: NonNegativeInt = 0,
    seed: int,
) -> Mapping[str, Any]:
    """The evidence lower bound and its two terms over the whole split, and the negative log-likelihood by importance
    sampling, all in nats per example, with the binarisation and the number of samples in their names.

    binarisation: static (once per image), dynamic (drawn by the seed) or none.
    importance_samples: importance samples per example for the log-likelihood; 0 leaves it out.
    likelihood_of: number of examples whose log-likelihood is measured, evenly spaced over the split; 0 takes all.
    """
    vae = checked(vae_of(model, "the metric evidence"), "the metric evidence", binarisation)
    x, y = (part.to(vae.mean.device) for part in examples_of(data))
    torch.manual_seed(seed)
    split = Labelled(binarised(x, binarisation), y)
    terms = terms_of(vae, split, seed)
    values: dict[str, Any] = {
        named("elbo", binarisation): (terms.reconstruction - terms.kl).double().mean().item(),
        named("reconstruction", binarisation): terms.reconstruction.double().mean().item(),
        named("kl", binarisation): terms.kl.double().mean().item(),
    }
    if not importance_samples:
        return values
    # evenly spaced: MNIST's first test images are easier than its last, by several nats
    some = torch.linspace(0, len(y) - 1, min(likelihood_of or len(y), len(y)), device=y.device).round().long()
    bound = log_likelihoods(vae, Labelled(split.x[some], y[some]), importance_samples, seed)
    values[f"{named('nll', binarisation)}_iws{importance_samples}"] = -bound.double().mean().item()
    drawn = "" if binarisation == "none" else f", {binarisation} binarisation"
    values["protocol"] = f"{len(bound)} examples, {importance_samples} importance samples{drawn}"
    return values


def terms_of(vae: VAE, split: Labelled, seed: int) -> Terms:
    """E_q log p(x|z), estimated from one sample, and KL(q ‖ p) of each example."""
    generator = torch.Generator(split.x.device).manual_seed(seed)
    parts: list[Terms] = []
    for x, y in stoppable(zip(split.x.split(AT_ONCE), split.y.split(AT_ONCE), strict=True)):
        q = vae.encode(x, y)
        z = reparametrised(q, noise(1, q.mean, generator))
        parts.append(Terms(vae.log_likelihood(x, vae.decode(z, y))[0], divergence(q)))
    return Terms(*(torch.cat(part) for part in zip(*parts, strict=True)))


def log_likelihoods(vae: VAE, split: Labelled, samples: int, seed: int) -> Tensor:
    """(N,): the lower bound on each example's log p(x) with that many samples (Burda et al. 2016, equation 8)."""
    generator = torch.Generator(split.x.device).manual_seed(seed)
    together = max(1, AT_ONCE // samples)
    bounds: list[Tensor] = []
    for x, y in stoppable(zip(split.x.split(together), split.y.split(together), strict=True)):
        q = vae.encode(x, y)
        weights: list[Tensor] = []
        for start in range(0, samples, AT_ONCE):
            z = reparametrised(q, noise(min(AT_ONCE, samples - start), q.mean, generator))
            weights.append(log_weights(vae.log_likelihood(x, vae.decode(z, y)), q, z))
        bounds.append(importance_bound(torch.cat(weights)))
    return torch.cat(bounds)


def noise(samples: int, like: Tensor, generator: Generator) -> Tensor:
    """Standard normal noise (samples, *like.shape)."""
    return torch.randn(samples, *like.shape, generator=generator, device=like.device)
