"""Estimators of ∂/∂θ E[f(b)] for b ~ Bernoulli(σ(θ)), one for each sample of the noise.

θ: (B,) logits, one for each sample, so that every sample has its own gradient. u, v: (B,) uniform noise. Returns (B,).
Every function is pure.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]
SMALLEST = 1e-7  # of uniform noise, against infinite logits


def logit(p: Tensor) -> Tensor:
    p = p.clamp(SMALLEST, 1 - SMALLEST)
    return p.log() - (-p).log1p()


def relaxed(theta: Tensor, u: Tensor) -> Tensor:
    """z = θ + log u - log(1 - u), of which b is the sign: b = H(z)."""
    return theta + logit(u)


def conditional(theta: Tensor, b: Tensor, v: Tensor) -> Tensor:
    """z̃ ~ p(z|b), as a differentiable function of θ (Tucker et al. 2017, arXiv:1703.07370, appendix 3)."""
    p = theta.sigmoid()
    # u' is uniform on (1 - p, 1) for b = 1, and on (0, 1 - p) for b = 0
    return theta + logit(torch.where(b > 0, 1 - p + v * p, v * (1 - p)))


def score(theta: Tensor, b: Tensor) -> Tensor:
    """∂ log p(b) / ∂θ = b - σ(θ)."""
    return b - theta.sigmoid()


def reinforce(f: Function, theta: Tensor, u: Tensor) -> Tensor:
    """f(b) ∂ log p(b) / ∂θ (Williams 1992)."""
    b = (relaxed(theta, u) > 0).float()
    return f(b) * score(theta, b)


def straight_through(f: Function, theta: Tensor, u: Tensor) -> Tensor:
    """f'(b) ∂σ(θ)/∂θ: as if b were its mean in the backward pass (Bengio et al. 2013, arXiv:1308.3432). Biased."""
    theta = theta.detach().requires_grad_()
    p = theta.sigmoid()
    b = p + ((relaxed(theta, u) > 0).float() - p).detach()
    return torch.autograd.grad(f(b).sum(), theta)[0]


def gumbel(f: Function, theta: Tensor, u: Tensor, temperature: float) -> Tensor:
    """∂/∂θ f(σ(z/τ)): of the relaxed variable (Maddison et al. 2017, arXiv:1611.00712; Jang et al. 2017,
    arXiv:1611.01144). Biased: it is the gradient of another expectation."""
    theta = theta.detach().requires_grad_()
    return torch.autograd.grad(f((relaxed(theta, u) / temperature).sigmoid()).sum(), theta)[0]


def control_variate(f: Function, control: Function, theta: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """[f(b) - c(z̃)] ∂ log p(b)/∂θ + ∂c(z)/∂θ - ∂c(z̃)/∂θ, unbiased for every c: REBAR with c(z) = η f(σ(z/τ)) (Tucker et
    al. 2017), RELAX with a network (Grathwohl et al. 2018, arXiv:1711.00123, equation 8). It is differentiable in the
    parameters of c."""
    theta = theta.detach().requires_grad_()
    z = relaxed(theta, u)
    b = (z > 0).float().detach()
    c, c_conditional = control(z), control(conditional(theta, b, v))
    (slope,) = torch.autograd.grad((c - c_conditional).sum(), theta, create_graph=True)
    return (f(b) - c_conditional) * score(theta.detach(), b) + slope
