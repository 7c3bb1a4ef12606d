"""Figures, each as a sampler (`dlplug sample RUN`) and as a metric, so that a run writes it to its media too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dlplug import Image, Run, UserError, checked_by, neutral_options
from dlplug_basics import figures
from dlplug_basics.data import HeldOut
from dlplug_basics.graph.figure import check, picture
from dlplug_basics.losses import SideBySide
from dlplug_basics.metrics import accuracy, classes, normal_equations, outputs, weights_and_bias
from dlplug_basics.race import RACERS, Valley, excess


def check_line(model: nn.Module, data: HeldOut) -> None:
    if data.x.shape[1] != 1:
        raise UserError(f"a line is drawn over one input, and these data have {data.x.shape[1]}")


@checked_by(check_line)
def line_fit(model: nn.Module, data: HeldOut) -> dict[str, Image]:
    """The fitted line through the held-out points, and the closed-form solution."""
    best = normal_equations(data.train_x, data.train_y)
    predicted = outputs(model, data.x).squeeze(1)
    return {"fit": figures.fit(data.x, data.y, predicted, weights_and_bias(model), best)}


def confusion(model: nn.Module, data: HeldOut) -> dict[str, Image]:
    """The confusion matrix, and some of the mistakes."""
    return {"confusion": figures.confusion(data.x, data.y, classes(outputs(model, data.x)))}


def check_plane(model: nn.Module, data: HeldOut) -> None:
    if data.x.shape[1] != 2:
        raise UserError(f"the boundary is drawn in a plane, and these data have {data.x.shape[1]} inputs")


@checked_by(check_plane)
def boundary(model: nn.Module, data: HeldOut) -> dict[str, Image]:
    """The decision boundary of a model with two inputs and two classes."""

    def score(points: Tensor) -> Tensor:
        output = outputs(model, points)
        return torch.tanh(output.squeeze(1)) if output.shape[1] == 1 else 2 * output.softmax(1)[:, 1] - 1

    share = accuracy(model, data)["accuracy"]
    return {"boundary": figures.boundary(score, data.x, data.y, share)}


def race(path: Tensor, data: Valley, *, run: Run) -> dict[str, Image]:
    """The paths of the optimizers, and their excess loss."""
    settings = {name: learning_rate(run.config, name) for name in RACERS}
    return {"race": figures.race(path, excess(path, data), data, settings)}


def learning_rate(config: Mapping[str, Any], racer: str) -> str:
    """ ", η = 0.1, β = 0.8": the options of a racer's optimizer, which all racers may share."""
    optimizer = f"optimizer.{racer}" if f"optimizer.{racer}" in config else "optimizer"
    rate, momentum = (config.get(f"{optimizer}.{option}") for option in ("learning_rate", "momentum"))
    return (f", η = {rate:g}" if rate else "") + (f", β = {momentum:g}" if momentum else "")


def activations(product: SideBySide, data: HeldOut) -> dict[str, Image]:
    """The activation functions with their derivatives, and the training curve and accuracy with each."""
    accuracies = {name: accuracy(product.model.get_submodule(name), data)["accuracy"] for name in product.parts}
    training = figures.training(product.curves.recorded(), product.every, accuracies)
    return {"functions": figures.functions(), "training": training}


def check_inputs(product: Any, data: Any, *, x1: float, x2: float, x3: float) -> None:
    check(x1, x2, x3)


@checked_by(check_inputs)
@neutral_options("x1", "x2", "x3")
def computation_graph(
    product: Any, data: Any, *, x1: float = 1.0, x2: float = 2.0, x3: float = 3.0
) -> dict[str, Image]:
    """f(x) = (x₁·x₂·sin x₃ + exp(x₁·x₂))/x₃ with the value and the derivative of each node.

    x1: first input.
    x2: second input.
    x3: third input, not 0.
    """
    return {"computation_graph": picture(x1, x2, x3)}
