"""Squared error, cross entropy with an L2 penalty, the perceptron's rule, and one network per activation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Labelled, Loss, NonNegativeFloat, PositiveInt, Update, minimise
from dlplug_basics.activations import ACTIVATIONS
from dlplug_basics.trace import Trace


@minimise
def squared_error(model: nn.Module, batch: Labelled) -> Tensor:
    """Mean squared error of a model with one output."""
    # L = 1/N Σ (ŷᵢ - yᵢ)²
    return ((model(batch.x).squeeze(1) - batch.y) ** 2).mean()


@minimise
def cross_entropy(
    model: nn.Module, batch: Labelled, *, ridge: NonNegativeFloat = 0.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross entropy with an L2 penalty.

    ridge: λ of the penalty λ/2 |W|² on weights, not biases.
    """
    logits = model(batch.x)
    # L = -1/N Σ log p(yᵢ | xᵢ), p = softmax(logits)
    loss = -F.log_softmax(logits, 1).gather(1, batch.y[:, None]).mean()
    if ridge:
        # + λ/2 Σ W²
        loss = loss + ridge / 2 * sum((p**2).sum() for p in model.parameters() if p.ndim > 1)
    return loss, {"accuracy": (logits.argmax(1) == batch.y).float().mean()}


class PerceptronRule(Loss):
    """Rosenblatt's rule (1958) as a loss: its gradient is -y x at a misclassified point, else 0.

    With plain SGD, learning rate 1 and one point per batch, w ← w + y x at each mistake. Logs the number of mistakes.
    """

    remembers = ("mistakes",)

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.mistakes = torch.zeros((), device=next(model.parameters()).device)

    def updates(self, batch: Labelled) -> Iterator[Update]:
        # y (w·x + b) ≤ 0 is a mistake; points on the line count as mistakes
        agreement = batch.y * self.model(batch.x).squeeze(1)
        wrong = (agreement <= 0).float()
        self.mistakes += wrong.sum()  # in place, so that steps in a CUDA graph count too
        # L = Σ max(0, -y (w·x + b))
        yield Update(-(wrong * agreement).sum(), mistakes=self.mistakes.clone())


class SideBySide(Loss):
    """Cross entropy of one network per activation, each trained alone. Records their loss curves for a figure.

    every: steps between points of the curves, which have at most 10,000 points.
    """

    parts = tuple(ACTIVATIONS)

    def __init__(self, model: nn.Module, *, every: PositiveInt = 10) -> None:
        super().__init__(model)
        self.every = max(1, every)
        self.curves = Trace((len(self.parts),), next(model.parameters()).device, self.every)

    def updates(self, batch: Labelled) -> Iterator[Update]:
        losses = []
        for name in self.parts:
            loss = F.cross_entropy(self.model.get_submodule(name)(batch.x), batch.y)
            losses.append(loss.detach())
            yield Update(loss, name)
        self.curves.add(torch.stack(losses))

    def product(self) -> Any:
        """This object, with its networks and loss curves."""
        return self
