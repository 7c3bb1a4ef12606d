"""Adversarial training: the loss on adversarial images, from an attack on the current model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import (
    Labelled,
    Loss,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    ProperFraction,
    Range,
    Update,
    UserError,
)
from dlplug_vision.attacks.gradient import pgd_of_fixed_length, step_size_or_usual


class Adversarial(Loss):
    """Cross entropy of each batch's adversarial images alone (Madry et al. 2018, arXiv:1706.06083, equation 2.1).

    epsilon: ε, the largest change of a pixel in [0, 1].
    step_size: step size of the attack; 0 takes 2.5 ε / steps.
    steps: steps of projected gradient descent from a random start; 1 with step size 1.25 ε is the fast method of Wong
        et al. 2020.
    ramp: batches over which ε grows from 0; starting with the full ε, a small net stays at chance.
    smoothing: label smoothing ε.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        epsilon: Annotated[float, Range(gt=0, le=1)] = 0.3,
        step_size: NonNegativeFloat = 0.0,
        steps: PositiveInt = 5,
        ramp: NonNegativeInt = 0,
        smoothing: ProperFraction = 0.0,
    ) -> None:
        super().__init__(model)
        if min(ramp, smoothing) < 0 or smoothing >= 1:
            raise UserError(f"--loss.ramp is at least 0, --loss.smoothing in [0, 1), got {ramp} and {smoothing}")
        self.epsilon, self.steps, self.smoothing = epsilon, steps, smoothing
        self.step_size = step_size_or_usual(epsilon, step_size, steps)
        self.ramp = Ramp(ramp).to(next(model.parameters()).device)

    def updates(self, batch: Labelled) -> Iterator[Update]:
        scale = self.ramp()
        # max over δ in S of L(θ, x + δ, y), from below
        x = pgd_of_fixed_length(
            self.model,
            batch.x,
            batch.y,
            epsilon=scale * self.epsilon,
            step_size=scale * self.step_size,
            steps=self.steps,
        )
        logits = self.model(x)
        loss = F.cross_entropy(logits, batch.y, label_smoothing=self.smoothing)
        yield Update(loss, robust_accuracy=(logits.argmax(1) == batch.y).float().mean())


class Ramp(nn.Module):
    """Rises linearly from 0 to 1 over its first calls. The counter is on the device, so that it also
    counts in a CUDA graph."""

    calls: Tensor

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length
        self.register_buffer("calls", torch.zeros(()))

    def forward(self) -> Tensor:
        scale = (self.calls / max(1, self.length)).clamp(max=1) if self.length else torch.ones_like(self.calls)
        self.calls += 1
        return scale
