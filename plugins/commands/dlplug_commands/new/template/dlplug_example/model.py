"""A multilayer perceptron."""

from __future__ import annotations

from torch import nn

from dlplug import PositiveInt, Spec


class Network(nn.Sequential):
    """Two hidden layers: inputs (N, features) to logits (N, classes).

    width: hidden size.
    """

    def __init__(self, spec: Spec, *, width: PositiveInt = 32) -> None:
        super().__init__(
            nn.Linear(spec.input[0], width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, spec.output),
        )
