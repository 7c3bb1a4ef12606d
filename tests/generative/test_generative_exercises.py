"""The exercises' checks accept our functions, and lead to the mistake in wrong ones."""

from __future__ import annotations

import math

import torch
from dlplug_generative.diffusion.samplers import noise_like
from dlplug_generative.diffusion.schedules import added_variance

from dlplug.testing import check_exercise


def test_reparametrised():
    def scales_by_the_variance(q, noise):
        return q.mean + q.log_variance.exp() * noise

    def draws_itself(q, noise):
        return torch.normal(q.mean.expand_as(noise), torch.exp(0.5 * q.log_variance).expand_as(noise))

    def stops_the_gradient(q, noise):
        return (q.mean + torch.exp(0.5 * q.log_variance) * noise).detach()

    def stops_that_of_the_deviation(q, noise):
        return q.mean + torch.exp(0.5 * q.log_variance).detach() * noise

    said = check_exercise(
        "reparametrisation",
        [scales_by_the_variance, draws_itself, stops_the_gradient, stops_that_of_the_deviation],
    )
    assert said[0].startswith("z (k, B, L) = μ + σ ε: expected")
    assert said[1].startswith("z (k, B, L) = μ + σ ε: expected")
    assert "z has no gradient" in said[2]
    assert "the gradient of Σ z with respect to log σ²: expected a tensor (3, 2)" in said[3]
    assert "got None" in said[3]


def test_divergence():
    def of_the_mean(q):
        return 0.5 * (q.mean**2 + q.log_variance.exp() - 1 - q.log_variance).mean(-1)

    def takes_the_log_for_the_variance(q):
        return 0.5 * (q.mean**2 + q.log_variance - 1 - q.log_variance.abs().clamp(min=1e-9).log()).sum(-1)

    def other_sign(q):
        return -0.5 * (q.mean**2 + q.log_variance.exp() - 1 - q.log_variance).sum(-1)

    mean, log, sign = check_exercise("gaussian-kl", [of_the_mean, takes_the_log_for_the_variance, other_sign])
    assert "of means that are not 0: μ [[1.0, -2.0]], log σ² [[0.0, 0.0]]: expected 2.5 at [0], got 1.25" in mean
    assert "of the standard normal itself" in log
    assert "expected 2.5 at [0], got -2.5" in sign


def test_gradient_penalty():
    def penalty(scores, x, *, create=True, by_example=True):
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(scores(x).sum(), x, create_graph=create)
        norm = gradient.flatten(1).norm(dim=1) if by_example else gradient.norm()
        return (norm - 1).square()

    def between(real, fake, count=None):
        ones = [1] * (real.ndim - 1)
        return fake + torch.rand(len(real) if count is None else count, *ones) * (real - fake)

    def of_the_batch(scores, real, fake):
        return penalty(scores, between(real, fake), by_example=False)

    def without_a_graph(scores, real, fake):
        return penalty(scores, between(real, fake), create=False)

    def at_real_points(scores, real, fake):
        return penalty(scores, real)

    def one_draw(scores, real, fake):
        return penalty(scores, between(real, fake, 1))

    def a_draw_for_each_coordinate(scores, real, fake):
        return penalty(scores, fake + torch.rand_like(real) * (real - fake))

    said = check_exercise(
        "gradient-penalty", [of_the_batch, without_a_graph, at_real_points, one_draw, a_draw_for_each_coordinate]
    )
    assert "the penalty (B,) of D(x) = 3 x₁ - 4 x₂, whose gradient has length 5: expected a tensor (6,)" in said[0]
    assert "create_graph" in said[1]
    assert "the points lie from 0 to 0" in said[2]
    assert "their mean" in said[3] or "their standard deviation" in said[3]
    assert "on the line from (0, 1) to (1, 0)" in said[4]


def test_ddim():
    def stepped(schedule, now, s, draw, eta, *, left=True, target=None):
        alpha, sigma = schedule.alpha.tolist(), schedule.sigma.tolist()
        tau = eta * sigma[s] / sigma[now.t] * math.sqrt(float(added_variance(schedule, now.t, s)))
        noise = (now.z - alpha[now.t] * now.clean) / sigma[now.t]
        scale = math.sqrt(sigma[s] ** 2 - tau**2) if left else sigma[s]
        mean = alpha[s if target is None else target] * now.clean + scale * noise
        return mean + tau * noise_like(now.z, draw) if tau else mean

    def adds_all_the_noise(schedule, now, before, s, draw, *, eta=0.0):
        return stepped(schedule, now, s, draw, eta, left=False)

    def keeps_alpha_of_t(schedule, now, before, s, draw, *, eta=0.0):
        return stepped(schedule, now, s, draw, eta, target=now.t)

    def ignores_eta(schedule, now, before, s, draw, *, eta=0.0):
        return stepped(schedule, now, s, draw, 0.0)

    def always_draws(schedule, now, before, s, draw, *, eta=0.0):
        noise_like(now.z, draw)
        return stepped(schedule, now, s, draw, eta)

    said = check_exercise("ddim-step", [adds_all_the_noise, keeps_alpha_of_t, ignores_eta, always_draws])
    assert said[0].startswith("the mean of 100,000 steps from t = 7 to s = 3 with η = 0.5")
    assert said[1].startswith("the step from t = 9 to s = 8 with η = 0")
    assert said[2].startswith("the mean of 100,000 steps")
    assert "random numbers were drawn" in said[3]
