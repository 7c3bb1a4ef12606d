"""Optimizers, and learning-rate schedules as functions of progress."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer

from dlplug.errors import UserError
from dlplug.ranges import NonNegativeFloat, PositiveFloat, PositiveInt, ProperFraction

Parameters = Iterable[nn.Parameter] | Iterable[dict[str, Any]]


def sgd(
    parameters: Parameters,
    *,
    learning_rate: PositiveFloat = 0.1,
    momentum: ProperFraction = 0.0,
    nesterov: bool = False,
    weight_decay: NonNegativeFloat = 0.0,
) -> Optimizer:
    """Stochastic gradient descent; momentum as torch and Sutskever et al. 2013 define it (v ← μv + g; θ ← θ - ηv).

    learning_rate: η, the size of a step.
    momentum: μ, the share of the velocity that each step keeps.
    nesterov: whether the gradient is taken where the momentum leads (Nesterov 1983).
    weight_decay: weight of the L2 penalty.
    """
    if nesterov and not momentum:
        raise UserError("nesterov needs a momentum above 0")
    return torch.optim.SGD(
        parameters, lr=learning_rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, fused=True
    )


def adam(
    parameters: Parameters,
    *,
    learning_rate: PositiveFloat = 1e-3,
    beta1: ProperFraction = 0.9,
    beta2: ProperFraction = 0.999,
    epsilon: PositiveFloat = 1e-8,
    weight_decay: NonNegativeFloat = 0.0,
) -> Optimizer:
    """Adam (Kingma & Ba 2015), its defaults from section 2.

    learning_rate: α, the size of a step.
    beta1: decay rate of the mean of the gradients.
    beta2: decay rate of the mean of the squared gradients.
    epsilon: added to the denominator.
    weight_decay: weight of the L2 penalty.
    """
    return torch.optim.Adam(
        parameters, lr=learning_rate, betas=(beta1, beta2), eps=epsilon, weight_decay=weight_decay, fused=True
    )


def adamw(
    parameters: Parameters,
    *,
    learning_rate: PositiveFloat = 1e-3,
    beta1: ProperFraction = 0.9,
    beta2: ProperFraction = 0.999,
    epsilon: PositiveFloat = 1e-8,
    weight_decay: NonNegativeFloat = 0.01,
) -> Optimizer:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

    learning_rate: α, the size of a step.
    beta1: decay rate of the mean of the gradients.
    beta2: decay rate of the mean of the squared gradients.
    epsilon: added to the denominator.
    weight_decay: the share of each weight that a step takes away, times the learning rate.
    """
    return torch.optim.AdamW(
        parameters, lr=learning_rate, betas=(beta1, beta2), eps=epsilon, weight_decay=weight_decay, fused=True
    )


def rmsprop(
    parameters: Parameters,
    *,
    learning_rate: PositiveFloat = 1e-3,
    alpha: ProperFraction = 0.99,
    epsilon: PositiveFloat = 1e-8,
    momentum: ProperFraction = 0.0,
    centered: bool = False,
    weight_decay: NonNegativeFloat = 0.0,
) -> Optimizer:
    """RMSprop (Hinton's lecture 6e).

    learning_rate: size of a step.
    alpha: decay rate of the mean of the squared gradients.
    epsilon: added to the denominator.
    momentum: the share of the velocity that each step keeps.
    centered: whether the gradients' variance takes the place of their square (Graves 2013, Mnih et al. 2015).
    weight_decay: weight of the L2 penalty.
    """
    return torch.optim.RMSprop(
        parameters,
        lr=learning_rate,
        alpha=alpha,
        eps=epsilon,
        momentum=momentum,
        centered=centered,
        weight_decay=weight_decay,
        foreach=True,
    )


def radam(
    parameters: Parameters,
    *,
    learning_rate: PositiveFloat = 1e-3,
    beta1: ProperFraction = 0.9,
    beta2: ProperFraction = 0.999,
    epsilon: PositiveFloat = 1e-8,
    weight_decay: NonNegativeFloat = 0.0,
) -> Optimizer:
    """Rectified Adam (Liu et al. 2020).

    learning_rate: α, the size of a step.
    beta1: decay rate of the mean of the gradients.
    beta2: decay rate of the mean of the squared gradients.
    epsilon: added to the denominator.
    weight_decay: weight of the L2 penalty.
    """
    return torch.optim.RAdam(
        parameters, lr=learning_rate, betas=(beta1, beta2), eps=epsilon, weight_decay=weight_decay, foreach=True
    )


def lbfgs(
    parameters: Parameters,
    *,
    learning_rate: PositiveFloat = 1.0,
    iterations: PositiveInt = 20,
    history: PositiveInt = 100,
    line_search: Literal["strong-wolfe", "none"] = "strong-wolfe",
) -> Optimizer:
    """L-BFGS (Liu & Nocedal 1989), as torch has it: several evaluations of the loss a step, which must be a closure.

    learning_rate: size of a step, or, with a line search, of its first try.
    iterations: at most, in a step.
    history: how many past gradients the curvature is estimated from.
    line_search: how far each iteration goes: until the strong Wolfe conditions hold, or by the learning rate alone.
    """
    moved: list[Any] = list(parameters)
    if len(moved) > 1 and isinstance(moved[0], dict):
        raise UserError("lbfgs has one learning rate, and this model wants several: choose another --optimizer")
    return torch.optim.LBFGS(
        moved,
        lr=learning_rate,
        max_iter=iterations,
        history_size=history,
        line_search_fn="strong_wolfe" if line_search == "strong-wolfe" else None,
    )


setattr(lbfgs, "closure", True)  # noqa: B010 (a function has no such attribute of its own)

Schedule = Literal["constant", "linear", "cosine"]


def rate_factor(progress: float, schedule: Schedule = "constant", warmup: float = 0.0, final: float = 0.0) -> float:
    """What the learning rate is multiplied by when `progress` in [0, 1] of the training is over.

    It rises linearly to 1 over the first `warmup` (a fraction of the training), then keeps (constant) or falls
    linearly or by half a cosine to `final`.
    """
    if progress < warmup:
        return progress / warmup
    rest = min(1.0, (progress - warmup) / (1.0 - warmup)) if warmup < 1.0 else 1.0
    shape = {"constant": 1.0, "linear": 1.0 - rest, "cosine": 0.5 * (1.0 + math.cos(math.pi * rest))}[schedule]
    return 1.0 if schedule == "constant" else final + (1.0 - final) * shape


def movable(part: nn.Module) -> Parameters:
    """What of a part an optimizer moves: all that is not frozen. A module that defines `parameter_groups()` gives it in
    groups, [{"params": [...], "rate": 0.1}, ...], whose `rate` multiplies the learning rate."""
    groups = getattr(part, "parameter_groups", None)
    return groups() if groups else [p for p in part.parameters() if p.requires_grad]
