"""Noise schedules, and the quantities that follow from a schedule alone.

The letters are those of Kingma et al. 2021 (arXiv:2107.00630): z_t = α_t x + σ_t ε with α_t² + σ_t² = 1. Ho et al. 2020
(arXiv:2006.11239) write ᾱ_t for α_t², and β_t for the variance that step t adds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from dlplug import UserError

LARGEST_BETA = 0.999  # Nichol & Dhariwal 2021, section 3.2: avoids a singularity at t = T


class Schedule(NamedTuple):
    """alpha, sigma: the coefficients α_t of the example and σ_t of the noise after t = 0 … T steps, each (T + 1,),
    float64; α_0 = 1 and σ_0 = 0."""

    alpha: Tensor
    sigma: Tensor

    @property
    def steps(self) -> int:
        """T."""
        return len(self.alpha) - 1


class Posterior(NamedTuple):
    """q(z_s | z_t, x) = N(of_noisy · z_t + of_clean · x, variance): each of the shape of the times."""

    of_noisy: Tensor
    of_clean: Tensor
    variance: Tensor


def linear_betas(steps: int) -> Tensor:
    """β_1 … β_T (T,), from 10⁻⁴ to 0.02 for T = 1000 (Ho et al. 2020, section 4), and scaled by 1000/T for other T."""
    scale = 1000 / steps
    return torch.linspace(1e-4 * scale, 0.02 * scale, steps, dtype=torch.double).clamp(max=LARGEST_BETA)


def cosine_betas(steps: int, offset: float = 0.008) -> Tensor:
    """β_1 … β_T (T,) of ᾱ_t = f(t) / f(0), f(t) = cos²((t/T + s) / (1 + s) · π/2) (Nichol & Dhariwal 2021,
    arXiv:2102.09672, equation 17; s = 0.008)."""
    t = torch.arange(steps + 1, dtype=torch.double) / steps
    f = torch.cos((t + offset) / (1 + offset) * math.pi / 2) ** 2
    # β_t = 1 - ᾱ_t / ᾱ_{t-1}
    return (1 - f[1:] / f[:-1]).clamp(max=LARGEST_BETA)


BETAS: dict[str, Callable[[int], Tensor]] = {"linear": linear_betas, "cosine": cosine_betas}


def schedule_of(name: str, steps: int) -> Schedule:
    """The schedule `linear` or `cosine` with T = `steps`. Raises UserError for fewer than 2 steps."""
    if steps < 2:
        raise UserError(f"--loss.timesteps must be at least 2, got {steps}")
    return from_betas(BETAS[name](steps))


def from_betas(betas: Tensor) -> Schedule:
    """ᾱ_t = Π_{i ≤ t} (1 - β_i), from betas (T,). Sums of logarithms keep 1 - ᾱ accurate where it is small."""
    log_alpha_bar = torch.cat([torch.zeros(1, dtype=torch.double), torch.log1p(-betas).cumsum(0)])
    return Schedule(torch.exp(log_alpha_bar / 2), torch.sqrt(-torch.expm1(log_alpha_bar)))


def signal_to_noise(schedule: Schedule) -> Tensor:
    """SNR(t) = α_t² / σ_t² (T + 1,), infinite at t = 0."""
    return schedule.alpha**2 / schedule.sigma**2


def added_variance(schedule: Schedule, t: int | Tensor, s: int | Tensor) -> Tensor:
    """σ²_{t|s} = σ_t² - α²_{t|s} σ_s² with α_{t|s} = α_t / α_s: the noise added between the times s < t; β_t where
    s = t - 1."""
    ratio = schedule.alpha[t] / schedule.alpha[s]
    return schedule.sigma[t] ** 2 - ratio**2 * schedule.sigma[s] ** 2


def posterior(schedule: Schedule, t: int | Tensor, s: int | Tensor) -> Posterior:
    """The posterior at an earlier time s < t (Ho et al. 2020, equation 7, for s = t - 1; Kingma et al. 2021, equation
    25)."""
    ratio, added = schedule.alpha[t] / schedule.alpha[s], added_variance(schedule, t, s)
    noise_t, noise_s = schedule.sigma[t] ** 2, schedule.sigma[s] ** 2
    # μ̃ = α_{t|s} σ_s² / σ_t² · z_t + α_s σ²_{t|s} / σ_t² · x,  β̃ = σ²_{t|s} σ_s² / σ_t²
    return Posterior(ratio * noise_s / noise_t, schedule.alpha[s] * added / noise_t, added * noise_s / noise_t)


def spaced(timesteps: int, steps: int) -> list[int]:
    """T = t_0 > t_1 > … > 0: `steps` steps, as evenly spaced as integers allow. Raises UserError for more than T."""
    if not 1 <= steps <= timesteps:
        raise UserError(f"--steps must be between 1 and the schedule's {timesteps}, got {steps}")
    return [round(timesteps * (steps - i) / steps) for i in range(steps + 1)]
