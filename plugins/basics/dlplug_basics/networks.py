"""An affine map, the multilayer perceptron, and one multilayer perceptron per activation."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from dlplug import NonNegativeInt, PositiveInt, Spec, UserError
from dlplug_basics.activations import ACTIVATIONS, pieces
from dlplug_basics.batch_norm import BatchNorm

Activation = Literal[
    "sigmoid", "tanh", "relu", "leaky-relu", "elu", "maxout", "identity"
]  # options are read from this file alone


class Affine(nn.Linear):
    """w·x + b, initialised to zero, for linear and logistic regression and the perceptron."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec.input[0], spec.output)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


class Activate(nn.Module):
    """An activation function, chosen by name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.function = name, ACTIVATIONS[name]

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)

    def extra_repr(self) -> str:
        return self.name


class MultilayerPerceptron(nn.Sequential):
    """Hidden layers of one size, then an affine layer; initialised as in Glorot & Bengio (2010).

    activation: activation function of the hidden layers.
    width: hidden size.
    depth: number of hidden layers.
    batch_norm: batch normalisation before each activation.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        activation: Activation = "relu",
        width: PositiveInt = 128,
        depth: NonNegativeInt = 2,
        batch_norm: bool = False,
    ) -> None:
        if width < 1 or depth < 0:
            raise UserError(f"a perceptron needs a width of at least 1 and a depth of at least 0, got {width}, {depth}")
        layers: list[nn.Module] = []
        inputs = spec.input[0]
        for _ in range(depth):
            outputs = width * pieces(activation)
            layers += [glorot(inputs, outputs), *([BatchNorm(outputs)] if batch_norm else []), Activate(activation)]
            inputs = width
        super().__init__(*layers, glorot(inputs, spec.output))


def glorot(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    # W ~ U(±√(6 / (inputs + outputs)))
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class OneForEachActivation(nn.Module):
    """The same perceptron with each of seven activation functions; maxout's has twice the weights.

    width: hidden size.
    depth: number of hidden layers.
    """

    def __init__(self, spec: Spec, *, width: PositiveInt = 32, depth: NonNegativeInt = 5) -> None:
        super().__init__()
        state = torch.get_rng_state()
        for name in get_args(Activation):
            torch.set_rng_state(state)  # equal initial weights
            self.add_module(name, MultilayerPerceptron(spec, activation=name, width=width, depth=depth))
