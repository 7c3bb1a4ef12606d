"""Squared error, cross entropy with a ridge, the perceptron's rule, and several networks side by side."""

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
    """Mean squared error of the model's only output."""
    # L = 1/N Σ (ŷᵢ - yᵢ)²
    return ((model(batch.x).squeeze(1) - batch.y) ** 2).mean()


@minimise
def cross_entropy(
    model: nn.Module, batch: Labelled, *, ridge: NonNegativeFloat = 0.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross entropy of classes.

    ridge: λ of the L2 penalty λ/2 |W|² on weights, not biases.
    """
    logits = model(batch.x)
    # L = -1/N Σ log p(yᵢ | xᵢ), p = softmax(logits)
    loss = -F.log_softmax(logits, 1).gather(1, batch.y[:, None]).mean()
    if ridge:
        # + λ/2 Σ W²
        loss = loss + ridge / 2 * sum((p**2).sum() for p in model.parameters() if p.ndim > 1)
    return loss, {"accuracy": (logits.argmax(1) == batch.y).float().mean()}


class PerceptronRule(Loss):
    """Rosenblatt's rule (1958) as a loss: its gradient at a point that is wrong is -y x, elsewhere 0.

    With plain SGD, a rate of 1 and one point a batch this is w ← w + y x at each mistake. Logs how many there were.
    """

    remembers = ("mistakes",)

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.mistakes = torch.zeros((), device=next(model.parameters()).device)

    def updates(self, batch: Labelled) -> Iterator[Update]:
        # y (w·x + b) ≤ 0: a mistake, and so is a point on the line
        agreement = batch.y * self.model(batch.x).squeeze(1)
        wrong = (agreement <= 0).float()
        self.mistakes += wrong.sum()  # in place: a step in a CUDA graph counts on
        # L = Σ max(0, -y (w·x + b))
        yield Update(-(wrong * agreement).sum(), mistakes=self.mistakes.clone())


class SideBySide(Loss):
    """Cross entropy of one network for each activation; each learns alone. Keeps the curves for a figure.

    every: steps between points of the curves, which have 10,000 points at most.
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
        """This object: its networks and its curves."""
        return self
