"""log p(x|z) from a decoder's outputs, elementwise, in nats. The caller sums over the elements."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Likelihood = Literal["bernoulli", "gaussian", "logistic"]

STEP = 1 / 255  # between two levels of a pixel in [0, 1]


def bernoulli(x: Tensor, logit: Tensor) -> Tensor:
    """log p of x in {0, 1}, x log σ(l) + (1 - x) log σ(-l) = x l - log(1 + eˡ); shapes broadcast.

    For grey x between 0 and 1 it is the cross-entropy that is often minimised, which is not a likelihood because it is
    not normalised (Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845).
    """
    return x * logit - F.softplus(logit)


def gaussian(x: Tensor, mean: Tensor, log_deviation: Tensor) -> Tensor:
    """log N(x; μ, σ²), a density; shapes broadcast."""
    return -0.5 * ((x - mean) * torch.exp(-log_deviation)) ** 2 - log_deviation - 0.5 * math.log(2 * math.pi)


def discretised_logistic(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """log p of one of 256 levels x in [0, 1]: the logistic distribution's mass in the level's bin; the outermost bins
    reach to infinity (Salimans et al. 2017, arXiv:1701.05517, equation 2). Shapes broadcast.
    """
    centred, inverse = x - mean, torch.exp(-log_scale)
    above, below = inverse * (centred + STEP / 2), inverse * (centred - STEP / 2)
    # σ(a) - σ(b) = σ(a) σ(-b) (1 - e^(b - a)), whose logarithm is accurate far from the mean as well
    inside = F.logsigmoid(above) + F.logsigmoid(-below) + torch.log(-torch.expm1(-inverse * STEP))
    edge = torch.where(x < STEP / 2, F.logsigmoid(above), F.logsigmoid(-below))
    return torch.where((x < STEP / 2) | (x > 1 - STEP / 2), edge, inside)
