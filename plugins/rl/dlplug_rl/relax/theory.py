"""Bias and variance of the estimators: exactly, and from samples."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dlplug_rl.relax.race import Race

POINTS = 200  # midpoints on each axis of the noise


class Moments(NamedTuple):
    """Of an estimator at one θ: its mean minus the true gradient, and its variance."""

    bias: float
    variance: float


def true_gradient(race: Race, theta: float) -> float:
    """∂/∂θ [σ(θ) f(1) + (1 - σ(θ)) f(0)] = σ'(θ) [f(1) - f(0)]."""
    p = torch.tensor(theta, dtype=torch.float64).sigmoid()
    zero, one = race.f(torch.tensor([0.0, 1.0], dtype=torch.float64))
    return float(p * (1 - p) * (one - zero))


def reinforce_moments(race: Race, theta: float) -> Moments:
    """In closed form, by the two values of b."""
    p = torch.tensor(theta, dtype=torch.float64).sigmoid()
    zero, one = race.f(torch.tensor([0.0, 1.0], dtype=torch.float64))
    mean = p * (1 - p) * (one - zero)
    square = p * (one * (1 - p)) ** 2 + (1 - p) * (zero * p) ** 2
    return Moments(float(mean) - true_gradient(race, theta), float(square - mean**2))


def straight_through_moments(race: Race, theta: float) -> Moments:
    """In closed form: σ'(θ) f'(b) with f'(b) = 2 (b - t)."""
    p = torch.tensor(theta, dtype=torch.float64).sigmoid()
    zero, one = (2 * (b - race.target) * p * (1 - p) for b in (0.0, 1.0))
    mean = p * one + (1 - p) * zero
    square = p * one**2 + (1 - p) * zero**2
    return Moments(float(mean) - true_gradient(race, theta), float(square - mean**2))


def integrated(race: Race, name: str, theta: float, points: int = POINTS) -> Moments:
    """By the midpoint rule over the noise u, v, on either side of u = 1 - σ(θ), where b changes."""
    p = float(torch.tensor(theta, dtype=torch.float64).sigmoid())
    middles = (torch.arange(points, dtype=torch.float64) + 0.5) / points
    sides = torch.cat([(1 - p) * middles, 1 - p + p * middles])
    weights = torch.cat([torch.full_like(middles, 1 - p), torch.full_like(middles, p)]) / points**2
    u, v = (axis.flatten().float() for axis in torch.meshgrid(sides, middles, indexing="ij"))
    estimate, weight = estimates(race, name, theta, u, v), weights.repeat_interleave(points)
    mean = (weight * estimate).sum()
    variance = (weight * (estimate - mean).square()).sum()
    return Moments(float(mean) - true_gradient(race, theta), float(variance))


def theoretical(race: Race, name: str, theta: float) -> Moments:
    closed = {"reinforce": reinforce_moments, "straight_through": straight_through_moments}
    return closed[name](race, theta) if name in closed else integrated(race, name, theta)


def measured(race: Race, name: str, theta: float, samples: int, generator: torch.Generator) -> Moments:
    u, v = torch.rand(2, samples, generator=generator)
    estimate = estimates(race, name, theta, u, v)
    return Moments(float(estimate.mean()) - true_gradient(race, theta), float(estimate.var(correction=0)))


def estimates(race: Race, name: str, theta: float, u: Tensor, v: Tensor) -> Tensor:
    with torch.enable_grad():
        return race.estimate(name, torch.full_like(u, theta), u, v).detach().double()
