"""The checks of a variational autoencoder's terms: loops, and an integral on a grid."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dlplug.testing import assert_close, called
from dlplug_generative.vae.terms import Gaussian

Written = Callable[..., Tensor]


def reparametrised(written: Written) -> None:
    mean = torch.tensor([[0.0, 1.0], [-2.0, 0.5], [3.0, 0.0]], requires_grad=True)
    log_variance = torch.tensor([[0.0, 1.4], [-1.0, 2.0], [0.7, -3.0]], requires_grad=True)
    # not the seed of anybody's torch.manual_seed: an answer that draws for itself would draw the same
    noise = torch.randn(4, 3, 2, generator=torch.Generator().manual_seed(13_126_114))
    expected, slope = torch.empty(4, 3, 2), torch.empty(4, 3, 2)
    means, log_variances = mean.tolist(), log_variance.tolist()
    for k in range(4):
        for b in range(3):
            for i in range(2):
                deviation = math.sqrt(math.exp(log_variances[b][i]))
                expected[k, b, i] = means[b][i] + deviation * noise[k, b, i]
                slope[k, b, i] = 0.5 * deviation * noise[k, b, i]  # ∂z / ∂ log σ²
    z = called(written, Gaussian(mean, log_variance), noise)
    assert_close(z, expected, "z (k, B, L) = μ + σ ε")
    assert z.requires_grad, "z has no gradient with respect to μ and log σ²: compute it from them, without detach"
    of_mean, of_log_variance = torch.autograd.grad(z.sum(), (mean, log_variance), allow_unused=True)
    assert_close(of_mean, torch.full((3, 2), 4.0), "the gradient of Σ z, of four samples, with respect to μ")
    assert_close(of_log_variance, slope.sum(0), "the gradient of Σ z with respect to log σ²")


def divergence(written: Written) -> None:
    cases = {
        "of the standard normal itself": ([[0.0, 0.0]], [[0.0, 0.0]]),
        "of means that are not 0": ([[1.0, -2.0]], [[0.0, 0.0]]),
        "of variances that are not 1": ([[0.0, 0.0]], [[1.0, -1.5]]),
        "of three examples": ([[0.5, 1.0], [0.0, -1.0], [2.0, 0.0]], [[0.3, 0.0], [-2.0, 1.0], [-0.5, 0.5]]),
    }
    for case, (means, log_variances) in cases.items():
        rows = zip(means, log_variances, strict=True)
        expected = torch.tensor([sum(map(_integral, *row)) for row in rows])
        got = called(written, Gaussian(torch.tensor(means), torch.tensor(log_variances)))
        assert_close(got, expected, f"KL(q ‖ N(0, 1)) (B,) {case}: μ {means}, log σ² {log_variances}", tolerance=1e-4)


def _integral(mean: float, log_variance: float) -> float:
    """∫ q(z) log(q(z) / p(z)) dz on a grid over ten standard deviations."""
    deviation = math.exp(log_variance / 2)
    z = torch.linspace(mean - 10 * deviation, mean + 10 * deviation, 20_001, dtype=torch.double)
    log_q = -0.5 * ((z - mean) / deviation) ** 2 - math.log(deviation)
    log_p = -0.5 * z**2
    density = log_q.exp() / math.sqrt(2 * math.pi)
    return float(torch.trapezoid(density * (log_q - log_p), z))
