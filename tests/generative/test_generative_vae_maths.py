"""Likelihoods are distributions, the bound is what loops make it, and binarisation hangs on the picture alone."""

from __future__ import annotations

import math

import pytest
import torch
from dlplug_generative.vae.binarise import binarised, mixed, noise_of
from dlplug_generative.vae.likelihoods import bernoulli, discretised_logistic, gaussian
from dlplug_generative.vae.terms import (
    Gaussian,
    divergence,
    importance_bound,
    log_posterior,
    log_prior,
    log_weights,
    reparametrised,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from dlplug import UserError

LEVELS = torch.arange(256, dtype=torch.double) / 255
MEANS = st.floats(-0.5, 1.5)
LOG_SCALES = st.floats(-6, 1)


def double(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.double)


# Likelihoods


@given(logit=st.floats(-30, 30))
def test_bernoulli_sums_to_one(logit: float):
    white, black = (bernoulli(double(x), double(logit)) for x in (1.0, 0.0))
    assert float(white.exp() + black.exp()) == pytest.approx(1)
    assert float(white.exp()) == pytest.approx(1 / (1 + math.exp(-logit)))


@given(mean=MEANS, log_deviation=st.floats(-3, 1))
def test_gaussian_integrates_to_one(mean: float, log_deviation: float):
    reach = 12 * math.exp(log_deviation)
    x = torch.linspace(mean - reach, mean + reach, 20_001, dtype=torch.double)
    assert float(torch.trapezoid(gaussian(x, double(mean), double(log_deviation)).exp(), x)) == pytest.approx(1)


@given(mean=MEANS, log_scale=LOG_SCALES)
def test_discretised_logistic_sums_to_one(mean: float, log_scale: float):
    total = discretised_logistic(LEVELS, double(mean), double(log_scale)).exp().sum()
    assert float(total) == pytest.approx(1, rel=1e-6)


@given(mean=st.floats(0, 1), log_scale=st.floats(-4, 0), level=st.integers(0, 255))
def test_discretised_logistic_is_a_difference_of_two_sigmoids(mean: float, log_scale: float, level: int):
    def below(edge: float) -> float:
        return 1 / (1 + math.exp(-(edge - mean) / math.exp(log_scale)))

    x = level / 255
    upper = 1.0 if level == 255 else below(x + 0.5 / 255)
    lower = 0.0 if level == 0 else below(x - 0.5 / 255)
    found = discretised_logistic(double(x), double(mean), double(log_scale))
    assert float(found.exp()) == pytest.approx(upper - lower, rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("log_scale", [-12.0, -7.0, -2.0])
def test_discretised_logistic_far_from_its_mean_is_finite_and_pulls_back(log_scale: float):
    mean = torch.tensor(0.9, requires_grad=True)
    value = discretised_logistic(torch.tensor(0.1), mean, torch.tensor(log_scale))
    value.backward()
    assert bool(value.isfinite())
    assert mean.grad is not None
    assert float(mean.grad) < 0


# Terms of the bound


def some(k: int = 3, b: int = 4, latents: int = 5) -> tuple[Gaussian, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    q = Gaussian(*torch.randn(2, b, latents, generator=generator, dtype=torch.double))
    return q, reparametrised(q, torch.randn(k, b, latents, generator=generator, dtype=torch.double))


def naive_log_normal(z: float, mean: float, variance: float) -> float:
    return -0.5 * math.log(2 * math.pi * variance) - (z - mean) ** 2 / (2 * variance)


def test_densities_are_those_of_loops():
    q, z = some()
    for k in range(3):
        for b in range(4):
            prior = sum(naive_log_normal(float(v), 0, 1) for v in z[k, b])
            posterior = sum(
                naive_log_normal(float(v), float(m), math.exp(float(s)))
                for v, m, s in zip(z[k, b], q.mean[b], q.log_variance[b], strict=True)
            )
            assert float(log_prior(z)[k, b]) == pytest.approx(prior)
            assert float(log_posterior(q, z)[k, b]) == pytest.approx(posterior)


def test_divergence_is_that_of_torch_and_of_many_samples():
    q, _ = some()
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(q.mean, (0.5 * q.log_variance).exp()), normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(divergence(q), expected)
    z = reparametrised(q, torch.randn(20_000, *q.mean.shape, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close((log_posterior(q, z) - log_prior(z)).mean(0), expected, rtol=0.03, atol=0.05)


def test_divergence_of_the_prior_from_itself_is_nothing():
    zero = torch.zeros(2, 7)
    assert bool((divergence(Gaussian(zero, zero)) == 0).all())


def test_the_bound_is_a_mean_of_weights_by_loops():
    q, z = some()
    likelihood = torch.linspace(-20, -2, 12, dtype=torch.double).view(3, 4)
    weights = log_weights(likelihood, q, z)
    for b in range(4):
        total = sum(
            math.exp(float(likelihood[k, b] + log_prior(z)[k, b] - log_posterior(q, z)[k, b])) for k in range(3)
        )
        assert float(importance_bound(weights)[b]) == pytest.approx(math.log(total / 3))


def test_the_bound_withstands_weights_that_have_no_exponential():
    assert float(importance_bound(torch.tensor([[-2000.0], [-2000.0]]))) == pytest.approx(-2000)


@settings(max_examples=50)
@given(st.lists(st.floats(-50, 50), min_size=2, max_size=8))
def test_more_samples_bound_better_than_one_on_average(weights: list[float]):
    column = torch.tensor(weights, dtype=torch.double)[:, None]
    assert float(importance_bound(column)) >= float(column.mean()) - 1e-9


# Binarisation


def pictures(count: int = 40, seed: int = 0) -> torch.Tensor:
    levels = torch.randint(256, (count, 1, 28, 28), generator=torch.Generator().manual_seed(seed))
    return levels.float() / 255


def naive_mixed(n: int) -> int:
    n = ((n ^ (n >> 16)) * 0x7FEB352D) % 2**32
    n = ((n ^ (n >> 15)) * 0x846CA68B) % 2**32
    return n ^ (n >> 16)


def naive_noise(levels: list[int]) -> list[float]:
    golden = 0x9E3779B9
    places = [place * golden % 2**32 for place in range(1, len(levels) + 1)]
    key = naive_mixed(
        sum(level * (naive_mixed(place) | 1) for level, place in zip(levels, places, strict=True)) % 2**32
    )
    return [(naive_mixed(key ^ place) >> 8) / 2**24 for place in places]


@given(st.integers(0, 2**32 - 1))
def test_mixing_is_that_of_numbers_without_a_sign(n: int):
    signed = n - 2**32 if n >= 2**31 else n
    assert int(mixed(torch.tensor([signed], dtype=torch.int32))) % 2**32 == naive_mixed(n)


def test_static_noise_is_that_of_loops_over_bytes():
    x = pictures(3)
    for picture, noise in zip(x, noise_of(x), strict=True):
        levels = [round(float(value) * 255) for value in picture.flatten()]
        assert noise.flatten().tolist() == naive_noise(levels)


def test_static_binarisation_hangs_on_the_picture_alone():
    x = pictures()
    whole = binarised(x, "static")
    torch.manual_seed(1)
    shuffled = torch.randperm(len(x))
    assert torch.equal(binarised(x[shuffled], "static"), whole[shuffled])
    assert torch.equal(binarised(x[3:4].contiguous(memory_format=torch.channels_last), "static"), whole[3:4])
    assert torch.equal(binarised((x * 255).byte().float() / 255, "static"), whole)
    other = x.clone()
    other[0, 0, 0, 0] = 1 - other[0, 0, 0, 0]
    assert float((noise_of(other)[0] != noise_of(x)[0]).float().mean()) > 0.99


def test_noise_is_even_over_places_and_pictures():
    noise = noise_of(pictures(4000)).flatten(1)
    assert float(noise.min()) >= 0
    assert float(noise.max()) < 1
    counts = torch.histc(noise, 16, 0, 1) / noise.numel()
    torch.testing.assert_close(counts, torch.full((16,), 1 / 16), rtol=0.01, atol=0)
    # five deviations of a mean of 4,000, of 784, and of a correlation of 4,000
    assert float((noise.mean(0) - 0.5).abs().max()) < 5 * 0.289 / math.sqrt(4000)
    assert float((noise.mean(1) - 0.5).abs().max()) < 5 * 0.289 / math.sqrt(784)
    beside = torch.corrcoef(noise[:, :200].T) - torch.eye(200)
    assert float(beside.abs().max()) < 5.5 / math.sqrt(4000)


def test_a_pixel_is_white_as_often_as_its_grey_says():
    x = pictures(2000)
    white = binarised(x, "static")
    assert white.unique().tolist() == [0, 1]
    for low in (0.0, 0.25, 0.5, 0.75):
        here = (x >= low) & (x < low + 0.25)
        assert float(white[here].mean()) == pytest.approx(float(x[here].mean()), abs=0.005)
    ends = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 28, 28)
    assert torch.equal(binarised(ends, "static"), ends)


def test_dynamic_binarisation_is_new_each_time_and_none_is_none():
    x = pictures()
    assert not torch.equal(binarised(x, "dynamic"), binarised(x, "dynamic"))
    assert binarised(x, "none") is x


def test_points_cannot_be_binarised():
    with pytest.raises(UserError, match=r"use --loss.binarisation none"):
        binarised(torch.zeros(5, 2), "static")
