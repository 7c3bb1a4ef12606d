"""The variational bound of a diffusion, term by term (Ho et al. 2020, arXiv:2006.11239, equation 5):

    -log p(x) ≤ L_T + Σ_{t=2}^{T} L_{t-1} + L_0,

    L_T = KL(q(z_T | x) || N(0, 1)),  L_{t-1} = KL(q(z_{t-1} | z_t, x) || p(z_{t-1} | z_t)),  L_0 = -log p(x | z_1).

Each is in nats and elementwise in x; sums and means are the caller's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dlplug_generative.diffusion.schedules import Schedule, added_variance, posterior

LEVELS = 256  # possible values of a pixel
SMALLEST = 1e-12  # least probability of a pixel, as in Ho et al.'s code: at most 40 bits


def gaussian_kl(mean: Tensor, variance: Tensor, other_mean: Tensor | float, other_variance: Tensor | float) -> Tensor:
    """KL(N(μ₁, σ₁²) || N(μ₂, σ₂²)) = ½ (log σ₂²/σ₁² + (σ₁² + (μ₁ - μ₂)²) / σ₂² - 1), elementwise."""
    ratio = variance / other_variance
    return 0.5 * (ratio - 1 - torch.log(ratio) + (mean - other_mean) ** 2 / other_variance)


def prior_term(x: Tensor, schedule: Schedule) -> Tensor:
    """L_T of x (B, ...): the information about x that is left in z_T. It does not depend on the model."""
    return gaussian_kl(schedule.alpha[-1] * x, schedule.sigma[-1] ** 2, 0.0, 1.0)


def reverse_variance(schedule: Schedule, t: int | Tensor, s: int | Tensor, variance: str) -> Tensor:
    """σ² of p(z_s | z_t): "large" is σ²_{t|s} (β_t where s = t - 1), "small" is the variance of q(z_s | z_t, x). They
    are optimal for x ~ N(0, 1) and for a single fixed x (Ho et al. 2020, section 3.2)."""
    return added_variance(schedule, t, s) if variance == "large" else posterior(schedule, t, s).variance


def denoising_term(x: Tensor, clean: Tensor, t: int, schedule: Schedule, variance: str) -> Tensor:
    """L_{t-1} of x (B, ...), for a time t of at least 2, where x̂ = `clean` is the model's estimate of x from z_t."""
    exact, modelled = posterior(schedule, t, t - 1), reverse_variance(schedule, t, t - 1, variance)
    # both means are the same function of z_t, so that they differ by of_clean · (x - x̂)
    return gaussian_kl(exact.of_clean * (x - clean), exact.variance, 0.0, modelled)


def decoder_deviation(schedule: Schedule, variance: str) -> float:
    """σ_1 of p(x | z_1): √β_1; for "small", whose variance would be 0, that of step 2, as in Ho et al.'s code."""
    step = (1, 0) if variance == "large" else (2, 1)
    return math.sqrt(float(reverse_variance(schedule, *step, variance)))


def discretised_log_likelihood(x: Tensor, mean: Tensor, deviation: float, levels: int = LEVELS) -> Tensor:
    """log p(x | z_1), elementwise, of pixels x in [-1, 1] with that number of levels: the probability of each pixel's
    interval under N(mean, deviation²); the two outermost intervals are unbounded (Ho et al. 2020, equation 13).

    In float64: far from the mean a pixel's probability is a difference of numbers that are equal in float32.
    """
    x, mean, half = x.double(), mean.double(), 1 / (levels - 1)
    upper = torch.where(x > 1 - half, math.inf, (x + half - mean) / deviation)
    lower = torch.where(x < half - 1, -math.inf, (x - half - mean) / deviation)
    # Φ is close to 1 there; the difference of the complements keeps its digits
    flip = lower > 0
    upper, lower = torch.where(flip, -lower, upper), torch.where(flip, -upper, lower)
    return torch.log((torch.special.ndtr(upper) - torch.special.ndtr(lower)).clamp(min=SMALLEST))


def bits_per_dimension(nats: Tensor) -> Tensor:
    """The mean of elementwise nats, in bits."""
    return nats.mean() / math.log(2)
