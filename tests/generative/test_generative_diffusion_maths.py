"""Schedules, targets and the bound against loops over single numbers, closed forms and Bayes' rule."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from dlplug_generative.diffusion import bound, schedules, targets
from dlplug_generative.diffusion.metrics import chosen_times
from hypothesis import given, settings
from hypothesis import strategies as st

from dlplug import UserError

NAMES = st.sampled_from(["linear", "cosine"])
STEPS = st.integers(2, 300)


@given(NAMES, STEPS)
@settings(max_examples=30, deadline=None)
def test_a_schedule_is_the_product_of_what_each_step_keeps(name: str, steps: int):
    betas, schedule = schedules.BETAS[name](steps), schedules.schedule_of(name, steps)
    kept = 1.0
    assert (schedule.alpha[0], schedule.sigma[0]) == (1, 0)
    for t, beta in enumerate(betas.tolist(), 1):
        assert 0 < beta <= schedules.LARGEST_BETA
        kept *= 1 - beta
        assert schedule.alpha[t].item() ** 2 == pytest.approx(kept)
        assert schedule.sigma[t].item() ** 2 == pytest.approx(1 - kept)
    assert (schedules.signal_to_noise(schedule).diff() < 0).all()


def test_the_linear_schedule_is_the_papers():
    betas = schedules.linear_betas(1000)
    assert (betas[0].item(), betas[-1].item()) == (pytest.approx(1e-4), pytest.approx(0.02))
    assert betas[1] - betas[0] == pytest.approx((0.02 - 1e-4) / 999)


def test_fewer_steps_of_the_linear_schedule_end_in_as_much_noise():
    long, short = (schedules.schedule_of("linear", steps) for steps in (1000, 200))
    assert short.alpha[-1].item() == pytest.approx(long.alpha[-1].item(), rel=0.2)


def test_the_cosine_schedule_is_a_cosine_until_no_step_may_remove_more():
    steps, offset = 1000, 0.008
    alpha = schedules.schedule_of("cosine", steps).alpha
    start = math.cos(offset / (1 + offset) * math.pi / 2)
    for t in range(0, 990, 33):
        expected = math.cos((t / steps + offset) / (1 + offset) * math.pi / 2) / start
        assert alpha[t].item() == pytest.approx(expected)
    assert alpha[-1] > 0


@given(NAMES, STEPS, st.data())
@settings(max_examples=40, deadline=None)
def test_the_posterior_is_bayes_rule(name: str, steps: int, data: st.DataObject):
    """q(z_s | z_t, x) ∝ q(z_t | z_s) q(z_s | x): precisions add, and means are weighed by them."""
    t = data.draw(st.integers(2, steps))
    s = data.draw(st.integers(1, t - 1))
    schedule = schedules.schedule_of(name, steps)
    kept, added = 1.0, 0.0
    for beta in schedules.BETAS[name](steps)[s:t].tolist():  # noise of the steps between, one after another
        kept, added = kept * math.sqrt(1 - beta), added * (1 - beta) + beta
    assert schedules.added_variance(schedule, t, s).item() == pytest.approx(added, rel=1e-6)
    x, z = 0.3, -1.2
    alpha_s, sigma_s = schedule.alpha[s].item(), schedule.sigma[s].item()
    precision = kept**2 / added + 1 / sigma_s**2
    mean = (kept * z / added + alpha_s * x / sigma_s**2) / precision
    known = schedules.posterior(schedule, t, s)
    assert known.variance.item() == pytest.approx(1 / precision, rel=1e-6)
    assert (known.of_noisy * z + known.of_clean * x).item() == pytest.approx(mean, rel=1e-5, abs=1e-8)


def test_the_last_step_back_ends_at_the_clean_example():
    known = schedules.posterior(schedules.schedule_of("linear", 100), 1, 0)
    assert (known.of_noisy, known.of_clean.item(), known.variance) == (0, pytest.approx(1), 0)


@given(st.integers(1, 1000), st.data())
@settings(max_examples=60)
def test_times_are_spaced_evenly_from_the_last_to_none(timesteps: int, data: st.DataObject):
    steps = data.draw(st.integers(1, timesteps))
    times = schedules.spaced(timesteps, steps)
    assert (times[0], times[-1], len(times)) == (timesteps, 0, steps + 1)
    for t, s in pairwise(times):
        assert abs((t - s) - timesteps / steps) <= 1
        assert t > s


@pytest.mark.parametrize("steps", [0, -1, 101])
def test_more_steps_than_the_schedule_has_are_refused(steps: int):
    with pytest.raises(UserError, match="between 1 and the schedule's 100"):
        schedules.spaced(100, steps)


def test_a_schedule_of_one_step_is_refused():
    with pytest.raises(UserError, match="timesteps"):
        schedules.schedule_of("linear", 1)


@given(st.sampled_from(["noise", "clean", "v"]), st.floats(0.05, 1.5), st.floats(-3, 3), st.floats(-3, 3))
def test_whatever_a_denoiser_is_asked_for_tells_the_clean_example(kind: str, angle: float, x: float, epsilon: float):
    alpha, sigma = math.cos(angle), math.sin(angle)
    clean, noise = torch.tensor(x, dtype=torch.double), torch.tensor(epsilon, dtype=torch.double)
    z = targets.noised(clean, noise, alpha, sigma)
    asked = targets.target_of(kind, clean, noise, alpha, sigma)
    found = targets.clean_of(kind, asked, z, alpha, sigma)
    assert found.item() == pytest.approx(x, abs=1e-9)
    assert targets.noise_of(found, z, alpha, sigma).item() == pytest.approx(epsilon, abs=1e-7)


def test_v_is_the_speed_along_the_circle():
    """With α = cos φ and σ = sin φ, v = dz/dφ (Salimans & Ho 2022, appendix D)."""
    x, epsilon, angle = torch.tensor(0.7), torch.tensor(-0.4), torch.tensor(0.9, requires_grad=True)
    z = targets.noised(x, epsilon, angle.cos(), angle.sin())
    (speed,) = torch.autograd.grad(z, angle)
    assert targets.target_of("v", x, epsilon, math.cos(0.9), math.sin(0.9)).item() == pytest.approx(speed.item())


def test_the_divergence_is_torchs():
    mean, deviation = torch.randn(20), torch.rand(20) + 0.1
    known = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, deviation), torch.distributions.Normal(0.5, 1.5)
    )
    assert torch.allclose(bound.gaussian_kl(mean, deviation**2, 0.5, torch.tensor(1.5**2)), known, atol=1e-5)


@pytest.mark.parametrize("variance", ["large", "small"])
@pytest.mark.parametrize("t", [2, 50, 100])
def test_a_term_of_the_bound_is_the_divergence_of_two_posteriors(t: int, variance: str):
    schedule = schedules.schedule_of("cosine", 100)
    x, clean, z = (torch.randn(6, dtype=torch.double) for _ in range(3))
    known = schedules.posterior(schedule, t, t - 1)
    beta = schedules.cosine_betas(100)[t - 1]
    modelled = torch.distributions.Normal(
        known.of_noisy * z + known.of_clean * clean, (beta if variance == "large" else known.variance).sqrt()
    )
    right = torch.distributions.Normal(known.of_noisy * z + known.of_clean * x, known.variance.sqrt())
    expected = torch.distributions.kl_divergence(right, modelled)
    assert torch.allclose(bound.denoising_term(x, clean, t, schedule, variance), expected)


def test_the_prior_term_is_a_divergence_from_the_standard_normal():
    schedule, x = schedules.schedule_of("linear", 10), torch.tensor([0.5, -1.0], dtype=torch.double)
    last = torch.distributions.Normal(schedule.alpha[-1] * x, schedule.sigma[-1])
    expected = torch.distributions.kl_divergence(last, torch.distributions.Normal(0.0, 1.0))
    assert torch.allclose(bound.prior_term(x, schedule), expected)


@pytest.mark.parametrize(("mean", "deviation"), [(0.1, 0.01), (-0.999, 0.03), (1.4, 0.5), (0.0, 2.0)])
def test_the_levels_of_a_pixel_share_one_probability(mean: float, deviation: float):
    pixels = torch.arange(256, dtype=torch.double) / 127.5 - 1
    likelihood = bound.discretised_log_likelihood(pixels, torch.tensor(mean, dtype=torch.double), deviation)
    assert likelihood.exp().sum().item() == pytest.approx(1, abs=1e-6)
    normal = torch.distributions.Normal(mean, deviation)
    inner = pixels[1:-1]
    naive = normal.cdf(inner + 1 / 255) - normal.cdf(inner - 1 / 255)
    assert torch.allclose(likelihood[1:-1].exp(), naive, atol=1e-10)


def test_an_impossible_pixel_is_finite_and_both_ways_alike():
    x, mean = torch.tensor([1.0, -1.0, 0.9, -0.9]), torch.tensor([-1.0, 1.0, -1.0, 1.0])
    likelihood = bound.discretised_log_likelihood(x, mean, 0.01)
    assert likelihood.isfinite().all()
    assert torch.equal(likelihood[::2], likelihood[1::2])


def gaussian_bound(steps: int, deviation: float, variance: str) -> float:
    """Nats of the bound for x ~ N(0, deviation²), with the best denoiser there is, by integrating over x and ε: the
    error of E[x | z] has a variance that is known in closed form."""
    schedule = schedules.schedule_of("cosine", steps)
    x_squared, total = deviation**2, 0.0
    # E over x of L_T
    alpha, sigma = schedule.alpha[-1].item(), schedule.sigma[-1].item()
    total += 0.5 * (alpha**2 * x_squared + sigma**2 - 1 - math.log(sigma**2))
    for t in range(2, steps + 1):
        error = math.sqrt(left_over(schedule, t, x_squared))
        total += bound.denoising_term(
            torch.tensor(error, dtype=torch.double), torch.zeros(1, dtype=torch.double), t, schedule, variance
        ).item()
    decoder = bound.decoder_deviation(schedule, variance) ** 2
    return total + 0.5 * (math.log(2 * math.pi * decoder) + left_over(schedule, 1, x_squared) / decoder)


def left_over(schedule: schedules.Schedule, t: int, x_squared: float) -> float:
    """Var[x | z_t] = (1/σ_x² + SNR)^-1."""
    return 1 / (1 / x_squared + schedules.signal_to_noise(schedule)[t].item())


def entropy(deviation: float) -> float:
    return 0.5 * math.log(2 * math.pi * math.e * deviation**2)


@pytest.mark.parametrize("steps", [10, 300])
def test_the_bound_is_exact_for_the_data_that_the_large_variance_is_right_for(steps: int):
    assert gaussian_bound(steps, 1.0, "large") == pytest.approx(entropy(1.0))


@pytest.mark.parametrize("deviation", [0.3, 1.7])
def test_the_bound_of_other_gaussian_data_nears_their_entropy_from_above(deviation: float):
    few, many = (gaussian_bound(steps, deviation, "large") - entropy(deviation) for steps in (50, 500))
    assert 0 < many < few / 3
    assert many < 0.1


def test_every_term_of_the_bound_is_chosen_as_often():
    counts = torch.zeros(22)
    for seed in range(3000):
        times = chosen_times(21, 8, seed)
        assert len(times) == 8
        for t in times:
            counts[t] += 1
    assert counts[:2].sum() == 0
    assert torch.allclose(counts[2:] / 3000, torch.full((20,), 8 / 20), atol=0.04)
    assert chosen_times(21, 20, 0) == chosen_times(21, 99, 0) == list(range(2, 22))


def test_bits_are_nats_over_log_2():
    assert bound.bits_per_dimension(torch.tensor([math.log(2), math.log(8)])).item() == pytest.approx(2)
