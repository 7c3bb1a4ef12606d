"""Optimizers, learning-rate schedules as functions of progress, and the `Stepper` that moves one part of a model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dlplug.distributed import average_gradients

Parameters = Iterable[nn.Parameter] | Iterable[dict[str, Any]]


def sgd(
    parameters: Parameters,
    *,
    learning_rate: float = 0.1,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Stochastic gradient descent; momentum as torch and Sutskever et al. 2013 define it (v ← μv + g; θ ← θ - ηv)."""
    return torch.optim.SGD(
        parameters, lr=learning_rate, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, fused=True
    )


def adam(
    parameters: Parameters,
    *,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Adam (Kingma & Ba 2015), its defaults from section 2; weight_decay is the L2 penalty."""
    return torch.optim.Adam(
        parameters, lr=learning_rate, betas=(beta1, beta2), eps=epsilon, weight_decay=weight_decay, fused=True
    )


def adamw(
    parameters: Parameters,
    *,
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Optimizer:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""
    return torch.optim.AdamW(
        parameters, lr=learning_rate, betas=(beta1, beta2), eps=epsilon, weight_decay=weight_decay, fused=True
    )


def rmsprop(
    parameters: Parameters,
    *,
    learning_rate: float = 1e-3,
    alpha: float = 0.99,
    epsilon: float = 1e-8,
    momentum: float = 0.0,
    centered: bool = False,
    weight_decay: float = 0.0,
) -> Optimizer:
    """RMSprop (Hinton's lecture 6e); `centered` as in Graves 2013 and Mnih et al. 2015."""
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
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Rectified Adam (Liu et al. 2020)."""
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
        clip_norm: float | None = None,
        schedule: Schedule = "constant",
        warmup: float = 0.0,
        final: float = 0.0,
    ) -> None:
        self.parameters: Sequence[nn.Parameter] = [p for p in part.parameters() if p.requires_grad]
        self.optimizer, self.clip_norm = optimizer, clip_norm
        self.schedule: Schedule = schedule
        self.warmup, self.final = warmup, final
        for group in optimizer.param_groups:
            group["lr"] *= group.pop("rate", 1.0)
        self.rates: list[float] = [float(group["lr"]) for group in optimizer.param_groups]
        self.scheduled = schedule != "constant" or warmup > 0.0

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

    def state_dict(self) -> dict[str, Any]:
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        lagging = [group["lr"] for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state)
        for group, rate in zip(self.optimizer.param_groups, lagging, strict=True):
            if isinstance(rate, Tensor):
                group["lr"] = rate.fill_(float(group["lr"]))
