"""Optimizers, learning-rate schedules as functions of progress, and the `Stepper` that moves one part of a model."""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dlplug.distributed import average_gradients
from dlplug.errors import UserError
from dlplug.ranges import Fraction, NonNegativeFloat, PositiveFloat, ProperFraction

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


class Stepper:
    """Moves one part of a model: backward to its weights alone, clip, step, zero.

    clip_norm: largest norm of the part's whole gradient; None leaves it as it is.
    schedule: how the learning rate falls over the training.
    warmup: fraction of the training over which the learning rate rises from zero.
    final: what a falling schedule ends at, as a fraction of the learning rate.
    """

    def __init__(
        self,
        part: nn.Module,
        optimizer: Optimizer,
        *,
        clip_norm: PositiveFloat | None = None,
        schedule: Schedule = "constant",
        warmup: Fraction = 0.0,
        final: Fraction = 0.0,
    ) -> None:
        self.parameters: Sequence[nn.Parameter] = [p for p in part.parameters() if p.requires_grad]
        self.optimizer, self.clip_norm = optimizer, clip_norm
        self.schedule: Schedule = schedule
        self.warmup, self.final = warmup, final
        for group in optimizer.param_groups:
            group["lr"] *= group.pop("rate", 1.0)
        self.rates: list[float] = [float(group["lr"]) for group in optimizer.param_groups]
        self.scheduled = schedule != "constant" or warmup > 0.0
        self.initial = [_options(group) for group in optimizer.param_groups]

    def step(self, loss: Tensor) -> None:
        loss.backward(inputs=self.parameters)
        average_gradients(self.parameters)
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def set_progress(self, progress: float) -> None:
        """Sets the learning rate for this much of the training, in [0, 1]."""
        if not self.scheduled:
            return
        factor = rate_factor(progress, self.schedule, self.warmup, self.final)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate * factor)
            else:
                group["lr"] = rate * factor

    def make_capturable(self) -> None:
        """Keeps what a step needs on the device, so that a CUDA graph can hold the step."""
        for group in self.optimizer.param_groups:
            device = group["params"][0].device
            group["lr"] = torch.tensor(float(group["lr"]), device=device)
            if "capturable" in group:
                group["capturable"] = True
        self.initial = [_options(group) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's own, with the learning rates before any schedule, and the names of those options of its
        groups that it has changed itself: they are state too."""
        state = self.optimizer.state_dict()
        groups = [{**group, "lr": rate} for group, rate in zip(state["param_groups"], self.rates, strict=True)]
        changed = [
            [name for name, value in _options(group).items() if name != "lr" and not _equal(value, initial.get(name))]
            for group, initial in zip(groups, self.initial, strict=True)
        ]
        return {**state, "param_groups": groups, "optimizer": type(self.optimizer).__name__, "changed": changed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The state alone: learning rate, weight decay and all else that was asked for stay this optimizer's own.

        Raises UserError for the state of another optimizer, or of other weights.
        """
        mine, saved = self.optimizer.param_groups, state["param_groups"]
        name = type(self.optimizer).__name__
        if state.get("optimizer", name) != name:
            raise UserError(
                f"the checkpoint's optimizer is {state['optimizer']}, and {name} cannot go on from its state"
            )
        if [len(group["params"]) for group in mine] != [len(group["params"]) for group in saved]:
            raise UserError(f"the checkpoint's {name} moves other weights than this one")
        changed = state.get("changed") or [[] for _ in mine]
        kept = [_options(group) for group in mine]
        for options, group, names in zip(kept, saved, changed, strict=True):
            options |= {name: group[name] for name in names}
        groups = [{**options, "params": group["params"]} for options, group in zip(kept, saved, strict=True)]
        self.optimizer.load_state_dict({"state": state["state"], "param_groups": groups})
        for group, options, before in zip(self.optimizer.param_groups, kept, saved, strict=True):
            group.update(options)  # torch has copied them, and a captured step reads the rate's own tensor
            if any(name not in before or not _equal(value, before[name]) for name, value in options.items()):
                _add_missing_state(self.optimizer, group)


def _options(group: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name != "params"}


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one.cpu(), other.cpu())
    return bool(one == other)


@torch.no_grad()
def _add_missing_state(optimizer: Optimizer, group: dict[str, Any]) -> None:
    """What the group's options want in the state and its file lacks (momentum, where the run began without it), as
    the optimizer itself begins it: by a step of a copy of the optimizer on zeros."""
    for parameter in group["params"]:
        state = optimizer.state.get(parameter)
        if not state:
            continue  # it begins at its first step
        zeros = torch.zeros_like(parameter, requires_grad=True)
        zeros.grad = torch.zeros_like(parameter)
        fresh = copy.copy(optimizer)
        eager = {"lr": float(group["lr"])} | ({"capturable": False} if "capturable" in group else {})
        fresh.state, fresh.param_groups = defaultdict(dict), [group | eager | {"params": [zeros]}]
        fresh.step()
        missing = fresh.state[zeros].keys() - state.keys()
        state.update({key: fresh.state[zeros][key] for key in missing})
