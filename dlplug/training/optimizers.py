"""Optimizers, and learning-rate schedules as functions of progress."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

import torch
from torch import nn
from torch.optim import Optimizer

from dlplug.errors import UserError
from dlplug.ranges import NonNegativeFloat, PositiveFloat, PositiveInt, ProperFraction

Parameters = Iterable[nn.Parameter] | Iterable[dict[str, Any]]


Kind = TypeVar("Kind", bound=type[Optimizer])
Factory = TypeVar("Factory", bound=Callable[..., Optimizer])


def light(kind: Kind) -> Kind:
    """The same optimizer without torch's `_disable_dynamo` wrappers, whose first call imports torch._dynamo, which
    takes longer than importing torch. They only keep torch.compile out, and no optimizer step is compiled here."""
    return cast(Kind, _light(kind))


@functools.cache
def _light(kind: type[Optimizer]) -> type[Optimizer]:
    names = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in names}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return type(kind.__name__, (kind,), {**methods, "step": step, "__module__": kind.__module__})


def needs_closure(factory: Factory) -> Factory:
    """A decorator of optimizers that evaluate the loss several times a step: they need one that yields closures, and
    any other is refused before a run begins."""
    setattr(factory, "closures", True)  # noqa: B010 (a function has no such attribute of its own)
    return factory


def sgd(
    parameters: Parameters,
    *,
    learning_rate: PositiveFloat = 0.1,
    momentum: ProperFraction = 0.0,
    nesterov: bool = False,
    weight_decay: NonNegativeFloat = 0.0,
) -> Optimizer:
    """Stochastic gradient descent with momentum as in Sutskever et al. 2013, in torch's form: v ← μv + g; θ ← θ - ηv.

    learning_rate: step size η. 0.1 is where residual nets begin (He et al. 2016); torch's default is 0.001.
    momentum: μ, decay rate of the velocity v; 0, torch's default, is plain SGD, and 0.9 the usual other choice.
    nesterov: takes the gradient at the point that the momentum leads to (Nesterov 1983).
    weight_decay: factor λ of the L2 penalty: λθ is added to the gradient. 0 as in torch.
    """
    if nesterov and not momentum:
        raise UserError("nesterov needs a momentum above 0")
    return light(torch.optim.SGD)(
        parameters, lr=learning_rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, fused=True
    )


@dataclass(frozen=True)
class Moments:
    """Running means of the gradients (Kingma & Ba 2015).

    beta1: decay rate of the mean of the gradients, β₁. 0.9 is Adam's default.
    beta2: decay rate of the mean of the squared gradients, β₂. 0.999 is Adam's default.
    epsilon: ε, added to the denominator against division by zero. 1e-8 is Adam's default.
    """

    beta1: ProperFraction = 0.9
    beta2: ProperFraction = 0.999
    epsilon: PositiveFloat = 1e-8

    @property
    def betas(self) -> tuple[float, float]:
        return self.beta1, self.beta2


def adam(
    parameters: Parameters,
    *,
    learning_rate: PositiveFloat = 1e-3,
    moments: Moments = Moments(),
    weight_decay: NonNegativeFloat = 0.0,
) -> Optimizer:
    """Adam (Kingma & Ba 2015).

    learning_rate: step size α. 0.001 is the paper's default.
    weight_decay: factor λ of the L2 penalty: λθ is added to the gradient, which Adam then rescales; adamw
        decouples it. 0 as in torch.
    """
    return light(torch.optim.Adam)(
        parameters, lr=learning_rate, betas=moments.betas, eps=moments.epsilon, weight_decay=weight_decay, fused=True
    )


def adamw(
    parameters: Parameters,
    *,
    learning_rate: PositiveFloat = 1e-3,
    moments: Moments = Moments(),
    weight_decay: NonNegativeFloat = 0.01,
) -> Optimizer:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

    learning_rate: step size α. 0.001 is Adam's default (Kingma & Ba 2015).
    weight_decay: λ: each step also subtracts learning rate · λ · θ from the weights θ. 0.01 is torch's default.
    """
    return light(torch.optim.AdamW)(
        parameters, lr=learning_rate, betas=moments.betas, eps=moments.epsilon, weight_decay=weight_decay, fused=True
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

    learning_rate: step size. 0.001 is Adam's default; torch's for RMSprop is 0.01.
    alpha: decay rate of the mean of the squared gradients. 0.99 is torch's default; the lecture has 0.9.
    epsilon: added to the denominator against division by zero. 1e-8 is torch's default.
    momentum: decay rate of the velocity; 0, torch's default, keeps none.
    centered: divides by the gradients' variance in place of their mean square (Graves 2013, Mnih et al. 2015).
    weight_decay: factor λ of the L2 penalty: λθ is added to the gradient. 0 as in torch.
    """
    return light(torch.optim.RMSprop)(
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
    moments: Moments = Moments(),
    weight_decay: NonNegativeFloat = 0.0,
) -> Optimizer:
    """Rectified Adam (Liu et al. 2020).

    learning_rate: step size α. 0.001 is Adam's default (Kingma & Ba 2015) and torch's.
    weight_decay: factor λ of the L2 penalty: λθ is added to the gradient. 0 as in torch.
    """
    return light(torch.optim.RAdam)(
        parameters, lr=learning_rate, betas=moments.betas, eps=moments.epsilon, weight_decay=weight_decay, foreach=True
    )


@needs_closure
def lbfgs(
    parameters: Parameters,
    *,
    learning_rate: PositiveFloat = 1.0,
    iterations: PositiveInt = 20,
    history: PositiveInt = 100,
    line_search: Literal["strong-wolfe", "none"] = "strong-wolfe",
) -> Optimizer:
    """L-BFGS (Liu & Nocedal 1989), as torch has it: several evaluations of the loss a step, which must be a closure.

    learning_rate: step size, or with a line search that of its first trial. 1 is torch's default, a full Newton step.
    iterations: most iterations in one step. 20 is torch's default.
    history: how many past gradients the curvature is estimated from. 100 is torch's default.
    line_search: strong-wolfe searches along each direction until the strong Wolfe conditions hold; none, torch's
        default, uses the learning rate as the step size.
    """
    moved: list[Any] = list(parameters)
    if len(moved) > 1 and isinstance(moved[0], dict):
        raise UserError("lbfgs has one learning rate, and this model wants several: choose another --optimizer")
    return light(torch.optim.LBFGS)(
        moved,
        lr=learning_rate,
        max_iter=iterations,
        history_size=history,
        line_search_fn="strong_wolfe" if line_search == "strong-wolfe" else None,
    )


Schedule = Literal["constant", "linear", "cosine"]


def rate_factor(progress: float, schedule: Schedule = "constant", warmup: float = 0.0, final: float = 0.0) -> float:
    """The factor of the learning rate at `progress`, the fraction in [0, 1] of the training that is done.

    It rises linearly from 0 to 1 over the first `warmup` (a fraction of the training). Then it is constant, or falls
    to `final`, linearly or along half a cosine.
    """
    if progress < warmup:
        return progress / warmup
    if schedule == "constant":
        return 1.0
    rest = min(1.0, (progress - warmup) / (1.0 - warmup)) if warmup < 1.0 else 1.0
    shape = 1.0 - rest if schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * rest))
    return final + (1.0 - final) * shape


def movable(part: nn.Module) -> Parameters:
    """The parameters of a part for its optimizer: those that are not frozen. A module may define `parameter_groups()`,
    which returns [{"params": [...], "rate": 0.1}, ...]; `rate` is a factor of the learning rate."""
    groups = getattr(part, "parameter_groups", None)
    return groups() if groups else [p for p in part.parameters() if p.requires_grad]
