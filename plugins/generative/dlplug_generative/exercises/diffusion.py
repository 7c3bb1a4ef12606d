"""The check of a step of DDIM, on numbers and on the spread of many draws."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dlplug.testing import assert_close, called
from dlplug_generative.diffusion.samplers import Moment
from dlplug_generative.diffusion.schedules import Schedule, schedule_of

T = 10


def ddim(written: Callable[..., Tensor]) -> None:
    schedule, clean = schedule_of("cosine", T), torch.tensor([[0.5, -1.0], [2.0, 0.0]])
    noise = torch.tensor([[1.0, -0.5], [0.3, 2.0]])
    for t, s in ((T - 1, T - 2), (7, 3), (5, 0)):
        z = _mixed(schedule, t, clean, noise)
        draw = torch.Generator().manual_seed(0)
        state = draw.get_state()
        got = called(written, schedule, Moment(t, z, clean), None, s, draw, eta=0.0)
        expected = _mixed(schedule, s, clean, noise)
        assert_close(
            got, expected, f"the step from t = {t} to s = {s} with η = 0: x̂ and ε̂ mixed as at s", tolerance=1e-4
        )
        assert torch.equal(draw.get_state(), state), (
            "the step with η = 0 is deterministic, but random numbers were drawn"
        )
    for eta in (0.5, 1.0):
        _random(written, schedule, 7, 3, eta)


def _mixed(schedule: Schedule, t: int, clean: Tensor, noise: Tensor) -> Tensor:
    """α_t x + σ_t ε, number by number."""
    alpha, sigma = float(schedule.alpha[t]), float(schedule.sigma[t])
    mixed = torch.empty_like(clean)
    for place in range(clean.numel()):
        mixed.view(-1)[place] = alpha * float(clean.view(-1)[place]) + sigma * float(noise.view(-1)[place])
    return mixed


def _random(written: Callable[..., Tensor], schedule: Schedule, t: int, s: int, eta: float) -> None:
    """100,000 steps from one state have the mean and the standard deviation of Song et al. 2021, equation 12."""
    alpha, sigma = schedule.alpha.tolist(), schedule.sigma.tolist()
    clean, noise, count = 0.5, 1.5, 100_000
    tau = eta * sigma[s] / sigma[t] * math.sqrt(1 - alpha[t] ** 2 / alpha[s] ** 2)  # equation 16
    mean = alpha[s] * clean + math.sqrt(sigma[s] ** 2 - tau**2) * noise
    z = torch.full((count, 1), alpha[t] * clean + sigma[t] * noise)
    moment = Moment(t, z, torch.full((count, 1), clean))
    got = called(written, schedule, moment, None, s, torch.Generator().manual_seed(0), eta=eta)
    case = f"of 100,000 steps from t = {t} to s = {s} with η = {eta}"
    assert_close(got.mean(), torch.tensor(mean), f"the mean {case}", tolerance=0.01)
    assert_close(got.std(), torch.tensor(tau), f"the standard deviation {case}, which is τ", tolerance=0.01)
