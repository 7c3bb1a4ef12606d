"""The terms of the evidence lower bound in nats, as pure functions. z (k, B, L): k samples of B examples' L latents."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

LOG_2PI = math.log(2 * math.pi)


class Gaussian(NamedTuple):
    """Normal distributions with diagonal covariances: means (..., L) and log variances (..., L)."""

    mean: Tensor
    log_variance: Tensor


def reparametrised(q: Gaussian, noise: Tensor) -> Tensor:
    """z = μ + σ ε (Kingma & Welling 2014, section 2.4); noise ε (k, B, L) is standard normal."""
    return q.mean + torch.exp(0.5 * q.log_variance) * noise


def divergence(q: Gaussian) -> Tensor:
    """KL(q(z|x) ‖ N(0, 1)) (B,) = ½ Σ (μ² + σ² - 1 - log σ²) (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (q.mean**2 + q.log_variance.exp() - 1 - q.log_variance).sum(-1)


def log_prior(z: Tensor) -> Tensor:
    """log N(z; 0, 1), summed over the latents: (k, B)."""
    return -0.5 * (z**2 + LOG_2PI).sum(-1)


def log_posterior(q: Gaussian, z: Tensor) -> Tensor:
    """log q(z|x), summed over the latents: (k, B)."""
    squares = (z - q.mean) ** 2 * torch.exp(-q.log_variance)
    return -0.5 * (squares + q.log_variance + LOG_2PI).sum(-1)


def log_weights(log_likelihood: Tensor, q: Gaussian, z: Tensor) -> Tensor:
    """log w = log p(x|z) + log p(z) - log q(z|x), (k, B), from log p(x|z), (k, B)."""
    return log_likelihood + log_prior(z) - log_posterior(q, z)


def importance_bound(log_weight: Tensor) -> Tensor:
    """log 1/k Σ w (B,), from log w (k, B): the bound of k samples, which increases with k towards log p(x) (Burda et
    al. 2016, arXiv:1509.00519, equation 8)."""
    return torch.logsumexp(log_weight, 0) - math.log(len(log_weight))
