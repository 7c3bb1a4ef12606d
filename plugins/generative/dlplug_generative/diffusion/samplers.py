"""The reverse process: one step of each sampler as a pure function, and the trajectory from noise to samples.

z_t = α_t x + σ_t ε as in `schedules.py`. A step goes from the time t to any earlier s, so that every sampler can use
fewer steps than the schedule has.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple, Protocol

import torch
from torch import Generator, Tensor

from dlplug.stop import stoppable
from dlplug_generative.diffusion.bound import reverse_variance
from dlplug_generative.diffusion.schedules import Schedule, added_variance, posterior, spaced
from dlplug_generative.diffusion.targets import noise_of


class Moment(NamedTuple):
    """The state at the time t: the noisy z (B, ...), and the denoiser's estimate x̂ (B, ...) of the clean example."""

    t: int
    z: Tensor
    clean: Tensor


class Step(Protocol):
    """z_s at an earlier time s; before: the moment before `now`, None at the first step."""

    def __call__(self, schedule: Schedule, now: Moment, before: Moment | None, s: int, draw: Generator) -> Tensor: ...


def ancestral(
    schedule: Schedule, now: Moment, before: Moment | None, s: int, draw: Generator, *, variance: str = "small"
) -> Tensor:
    """z_s drawn from p(z_s | z_t) = q(z_s | z_t, x̂), or with the large variance (Ho et al. 2020, algorithm 2)."""
    reverse = posterior(schedule, now.t, s)
    mean = float(reverse.of_noisy) * now.z + float(reverse.of_clean) * now.clean
    if s == 0:
        return mean
    return mean + math.sqrt(float(reverse_variance(schedule, now.t, s, variance))) * noise_like(now.z, draw)


def ddim(
    schedule: Schedule, now: Moment, before: Moment | None, s: int, draw: Generator, *, eta: float = 0.0
) -> Tensor:
    """z_s = α_s x̂ + √(σ_s² - τ²) ε̂ + τ ε (Song et al. 2021, arXiv:2010.02502, equation 12): deterministic for η = 0;
    η = 1 is `ancestral`."""
    alpha_s, sigma_s, sigma_t = float(schedule.alpha[s]), float(schedule.sigma[s]), float(schedule.sigma[now.t])
    # τ = η σ_s / σ_t · σ_{t|s}  (equation 16)
    tau = eta * sigma_s / sigma_t * math.sqrt(float(added_variance(schedule, now.t, s)))
    noise = noise_of(now.clean, now.z, float(schedule.alpha[now.t]), sigma_t)
    mean = alpha_s * now.clean + math.sqrt(max(0.0, sigma_s**2 - tau**2)) * noise
    return mean + tau * noise_like(now.z, draw) if tau else mean


def dpm_solver(schedule: Schedule, now: Moment, before: Moment | None, s: int, draw: Generator) -> Tensor:
    """DPM-Solver++(2M), which extrapolates from the previous x̂ (Lu et al. 2022, arXiv:2211.01095, algorithm 2):
    z_s = σ_s/σ_t z_t - α_s (e^(-h) - 1) D with h = λ_s - λ_t, λ = log α/σ. The first and last steps are first-order,
    like DDIM's."""
    alpha_s, sigma_s, sigma_t = float(schedule.alpha[s]), float(schedule.sigma[s]), float(schedule.sigma[now.t])
    if s == 0 or before is None:
        guess = now.clean
    else:
        step, last = (
            log_ratio(schedule, later) - log_ratio(schedule, t) for t, later in ((now.t, s), (before.t, now.t))
        )
        # D = (1 + 1/2r) x̂_t - 1/2r x̂_before,  r = h_before / h
        share = step / (2 * last)
        guess = (1 + share) * now.clean - share * before.clean
    # α_s (1 - e^(-h)) = α_s - α_t σ_s / σ_t
    return sigma_s / sigma_t * now.z + (alpha_s - float(schedule.alpha[now.t]) * sigma_s / sigma_t) * guess


def log_ratio(schedule: Schedule, t: int) -> float:
    """λ_t = log α_t / σ_t."""
    return math.log(float(schedule.alpha[t] / schedule.sigma[t]))


def step_of(name: str, eta: float, variance: str) -> Step:
    """The step of the sampler `ancestral`, `ddim` or `dpm-solver`."""
    if name == "ancestral":
        return functools.partial(ancestral, variance=variance)
    return functools.partial(ddim, eta=eta) if name == "ddim" else dpm_solver


def walk(
    denoise: Callable[[Tensor, int], Tensor],
    z: Tensor,
    schedule: Schedule,
    steps: int,
    step: Step,
    draw: Generator,
) -> Iterator[Moment]:
    """The moments from z_T = z to time 0: one before each of the `steps` steps, and the last, whose z is the sample.

    denoise(z, t) returns x̂. Raises UserError for more steps than the schedule has.
    """
    before = None
    for t, s in stoppable(pairwise(spaced(schedule.steps, steps))):
        now = Moment(t, z, denoise(z, t))
        yield now
        z = step(schedule, now, before, s, draw)
        before = now
    yield Moment(0, z, z)


def noise_like(z: Tensor, draw: Generator) -> Tensor:
    return torch.randn(z.shape, generator=draw, device=z.device, dtype=z.dtype)
