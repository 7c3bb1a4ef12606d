"""Samplers on Gaussian data, whose best denoiser is known, against naive loops and the equation that they follow."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from dlplug_generative.diffusion.samplers import Moment, ancestral, ddim, dpm_solver, noise_like, step_of, walk
from dlplug_generative.diffusion.schedules import cosine_betas, linear_betas, schedule_of, spaced
from torch import Tensor

from dlplug import UserError

MEAN, DEVIATION = 0.4, 0.3
SCHEDULE = schedule_of("cosine", 1000)


def best(z: Tensor, t: int) -> Tensor:
    """E[x | z_t] for x ~ N(MEAN, DEVIATION²)."""
    alpha, sigma = SCHEDULE.alpha[t].item(), SCHEDULE.sigma[t].item()
    gain = alpha * DEVIATION**2 / (alpha**2 * DEVIATION**2 + sigma**2)
    return MEAN + gain * (z - alpha * MEAN)


def made(name: str, steps: int, z: Tensor, seed: int = 0, **options: Any) -> Tensor:
    step = step_of(name, float(options.get("eta", 0.0)), str(options.get("variance", "small")))
    *_, last = walk(best, z, SCHEDULE, steps, step, torch.Generator().manual_seed(seed))
    assert last.t == 0
    return last.z


@pytest.mark.parametrize(
    ("name", "steps", "options"),
    [
        ("ancestral", 400, {"variance": "large"}),
        ("ancestral", 400, {"variance": "small"}),
        ("ddim", 100, {}),
        ("ddim", 100, {"eta": 0.7}),
        ("dpm-solver", 20, {}),
    ],
)
def test_every_sampler_makes_the_datas_distribution(name: str, steps: int, options: Any):
    z = torch.randn(10_000, generator=torch.Generator().manual_seed(1), dtype=torch.double)
    x = made(name, steps, z, **options)
    assert x.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert x.std().item() == pytest.approx(DEVIATION, rel=0.05)


def flow(z: Tensor) -> Tensor:
    """Where the probability flow's equation takes z_T for Gaussian data: each z keeps its quantile."""
    alpha, sigma = SCHEDULE.alpha[-1].item(), SCHEDULE.sigma[-1].item()
    return MEAN + DEVIATION * (z - alpha * MEAN) / math.sqrt(alpha**2 * DEVIATION**2 + sigma**2)


def test_twice_the_steps_halve_the_error_of_ddim_and_quarter_that_of_the_second_order():
    """To a time at which noise is left, for the last step to the data has an error of its own."""
    z = torch.linspace(-2, 2, 9, dtype=torch.double)
    alpha, sigma = SCHEDULE.alpha[200].item(), SCHEDULE.sigma[200].item()
    there = alpha * MEAN + math.sqrt(alpha**2 * DEVIATION**2 + sigma**2) * (flow(z) - MEAN) / DEVIATION

    def error(name: str, steps: int) -> float:
        walked = walk(best, z, SCHEDULE, steps, step_of(name, 0.0, "small"), torch.Generator())
        near = next(moment for moment in walked if moment.t == 200)
        return (near.z - there).abs().max().item()

    ratio = {name: error(name, 50) / error(name, 100) for name in ("ddim", "dpm-solver")}
    assert 1.7 < ratio["ddim"] < 2.4
    assert 3.0 < ratio["dpm-solver"] < 5.5
    assert error("dpm-solver", 25) < error("ddim", 100)


def test_both_deterministic_samplers_follow_the_flow():
    z = torch.linspace(-2, 2, 9, dtype=torch.double)
    assert torch.allclose(made("ddim", 1000, z), flow(z), atol=5e-3)
    assert torch.allclose(made("dpm-solver", 1000, z), flow(z), atol=1e-3)


def test_ancestral_sampling_is_the_papers_algorithm_2():
    """In Ho et al.'s own letters: x_{t-1} = 1/√α_t (x_t - β_t/√(1 - ᾱ_t) ε̂) + σ_t z, with σ_t² = β_t."""
    schedule, betas = schedule_of("linear", 40), linear_betas(40)
    alpha_bar = torch.cumprod(1 - betas, 0)
    epsilon, x = torch.randn(5, dtype=torch.double), torch.randn(5, dtype=torch.double)
    for t in (40, 17, 2):
        beta, kept = betas[t - 1], alpha_bar[t - 1]
        z = noise_like(x, torch.Generator().manual_seed(t))
        naive = (x - beta / (1 - kept).sqrt() * epsilon) / (1 - beta).sqrt() + beta.sqrt() * z
        clean = (x - (1 - kept).sqrt() * epsilon) / kept.sqrt()
        step = ancestral(schedule, Moment(t, x, clean), None, t - 1, torch.Generator().manual_seed(t), variance="large")
        assert torch.allclose(step, naive)


def test_ddim_with_all_of_the_noise_is_ancestral_over_any_stride():
    now = Moment(700, torch.randn(8, dtype=torch.double), torch.randn(8, dtype=torch.double))
    one = ddim(SCHEDULE, now, None, 450, torch.Generator().manual_seed(3), eta=1.0)
    other = ancestral(SCHEDULE, now, None, 450, torch.Generator().manual_seed(3), variance="small")
    assert torch.allclose(one, other)


def test_the_second_order_begins_and_ends_as_ddim():
    now = Moment(600, torch.randn(4, dtype=torch.double), torch.randn(4, dtype=torch.double))
    before = Moment(800, torch.randn(4, dtype=torch.double), torch.randn(4, dtype=torch.double))
    draw = torch.Generator()
    assert torch.allclose(dpm_solver(SCHEDULE, now, None, 300, draw), ddim(SCHEDULE, now, None, 300, draw))
    assert torch.allclose(dpm_solver(SCHEDULE, now, before, 0, draw), now.clean)
    assert torch.allclose(ddim(SCHEDULE, now, before, 0, draw), now.clean)


def test_a_walk_visits_the_spaced_times_and_hands_on_the_moment_before():
    seen: list[tuple[int, int | None, int]] = []

    def step(schedule: object, now: Moment, before: Moment | None, s: int, draw: object) -> Tensor:
        seen.append((now.t, before and before.t, s))
        return now.z + 1

    moments = list(walk(lambda z, t: z * t, torch.zeros(2), SCHEDULE, 4, step, torch.Generator()))
    assert [moment.t for moment in moments] == spaced(1000, 4) == [1000, 750, 500, 250, 0]
    assert seen == [(1000, None, 750), (750, 1000, 500), (500, 750, 250), (250, 500, 0)]
    assert [moment.z[0].item() for moment in moments] == [0, 1, 2, 3, 4]


def test_more_steps_than_times_are_refused():
    with pytest.raises(UserError, match="schedule's 1000"):
        next(walk(best, torch.zeros(1), SCHEDULE, 1001, dpm_solver, torch.Generator()))


def test_the_cosines_last_step_is_survived_from_pure_noise():
    assert cosine_betas(1000)[-1] == pytest.approx(0.999)
    z = torch.randn(100, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    assert made("dpm-solver", 10, z).isfinite().all()
