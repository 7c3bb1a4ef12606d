"""Lipschitz constraints on a critic: gradient penalties and weight clipping."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Scores = Callable[[Tensor], Tensor]  # x (B, ...) → (B,); each score must depend on its own x alone


def input_gradient(scores: Scores, x: Tensor) -> Tensor:
    """The gradient of each score with respect to its own input, (B, inputs); can be differentiated again."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(scores(x).sum(), x, create_graph=True)
    return gradient.flatten(1)


def gradient_penalty(scores: Scores, real: Tensor, fake: Tensor) -> Tensor:
    """(|gradient| - 1)² at random points between real and fake examples, both (B, ...): (B,).

    Gulrajani et al. 2017 (arXiv:1704.00028), equation 3, without its λ.
    """
    # x̂ = ε x + (1 - ε) x̃, ε ~ U[0, 1]
    epsilon = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device)
    between = fake + epsilon * (real - fake)
    # (|∇D(x̂)|₂ - 1)²
    return (input_gradient(scores, between).norm(dim=1) - 1).square()


def r1(scores: Scores, real: Tensor) -> Tensor:
    """Half the squared norm of the gradient at real examples (B, ...): (B,). Mescheder et al. 2018
    (arXiv:1801.04406), equation 9, without its γ."""
    # ½ |∇D(x)|²
    return 0.5 * input_gradient(scores, real).square().sum(1)


@torch.no_grad()
def clip_weights(module: nn.Module, bound: float) -> None:
    """Clips every weight to [-bound, bound]: Arjovsky et al. 2017 (arXiv:1701.07875), algorithm 1."""
    # w ← clip(w, -c, c)
    for weight in module.parameters():
        weight.clamp_(-bound, bound)
