"""Connects the NumPy network to the trainer: torch parameters share the memory of its arrays.

Forward pass, backward pass and update run in NumPy; torch only passes the gradient from the loss to the network. The
trainer provides batches, logs, checkpoints and resuming, as for every model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from dlplug import Labelled, Loss, NonNegativeInt, PositiveFloat, PositiveInt, Spec, Update, UserError
from dlplug_basics.in_numpy.network import Array, Layer, cross_entropy, perceptron

Activation = Literal[
    "sigmoid", "tanh", "relu", "leaky-relu", "elu", "maxout", "identity"
]  # options are read from this file alone


class Weight(nn.Parameter):
    """A parameter that shares the memory of a layer's named array."""

    layer: Layer
    name_in_layer: str


def weight_of(layer: Layer, name: str) -> Weight:
    weight = Weight(torch.from_numpy(layer.weights[name]))
    weight.layer, weight.name_in_layer = layer, name
    return weight


class NumpyNetwork(nn.Module):
    """A multilayer perceptron computed by NumPy alone.

    activation: activation function of the hidden layers.
    width: hidden size.
    depth: number of hidden layers.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        activation: Activation = "relu",
        width: PositiveInt = 64,
        depth: NonNegativeInt = 1,
        seed: int,
    ) -> None:
        super().__init__()
        if width < 1 or depth < 0:
            raise UserError(f"a network needs a width of at least 1 and a depth of at least 0, got {width}, {depth}")
        sizes = [spec.input[0], *[width] * depth, spec.output]
        self.network = perceptron(sizes, activation, np.random.default_rng(seed))
        for number, layer in enumerate(self.network.layers):
            for name in layer.weights:
                self.register_parameter(f"layer{number}_{name}", weight_of(layer, name))

    def forward(self, x: Tensor) -> Tensor:
        weights: list[Any] = list(self.parameters())
        if any(weight.device.type != "cpu" for weight in weights):
            raise UserError("the NumPy network lives on the CPU: run it with --device cpu")

        def backward(gradient: Array) -> list[Array]:
            return [self.network.backward(gradient), *(w.layer.gradients[w.name_in_layer] for w in weights)]

        return InNumpy.apply(self.network.forward, backward, x, *weights)  # type: ignore[no-any-return]


class NumpyCrossEntropy(Loss):
    """Cross entropy and its gradient, computed by NumPy."""

    def updates(self, batch: Labelled) -> Iterator[Update]:
        logits = self.model(batch.x)
        gradient: list[Array] = []

        def forward(array: Array) -> Array:
            loss, slope = cross_entropy(array, batch.y.numpy())
            gradient.append(slope)
            return loss

        loss: Any = InNumpy.apply(forward, lambda g: [g * gradient[0]], logits)
        yield Update(loss, accuracy=(logits.argmax(1) == batch.y).float().mean())


class InNumpy(torch.autograd.Function):
    """An autograd function that calls NumPy: `forward(array)` and, with the gradient of its output,
    `backward(gradient)`."""

    @staticmethod
    def forward(ctx: Any, forward: Any, backward: Callable[[Array], list[Array]], x: Tensor, *_: Tensor) -> Tensor:
        ctx.numpy_backward = backward
        return torch.as_tensor(forward(x.numpy()))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return None, None, *map(torch.as_tensor, ctx.numpy_backward(gradients[0].numpy()))


class LayerUpdate(torch.optim.Optimizer):
    """Calls `update` of each layer of the NumPy network."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                # the trainer may have clipped the gradient
                weight.layer.gradients[weight.name_in_layer] = weight.grad.numpy()
            for layer in {id(weight.layer): weight.layer for weight in group["params"]}.values():
                layer.update(group["lr"])


def layer_update(parameters: Iterable[nn.Parameter], *, learning_rate: PositiveFloat = 0.1) -> LayerUpdate:
    """Gradient descent by the layers' `update`, θ ← θ - η ∂L/∂θ; only for the model numpy-network.

    learning_rate: learning rate η.
    """
    weights = list(parameters)
    if not all(isinstance(weight, Weight) for weight in weights):
        raise UserError(
            "the optimizer layer-update works with the model numpy-network only; use sgd or adam for others"
        )
    return LayerUpdate(weights, {"lr": learning_rate})
