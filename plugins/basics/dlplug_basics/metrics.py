"""Metrics: accuracy, and distances from known solutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dlplug import PositiveFloat, Run
from dlplug_basics.data import HeldOut
from dlplug_basics.losses import SideBySide
from dlplug_basics.race import RACERS, Valley, descent_by_theory, excess


def outputs(model: nn.Module, x: Tensor) -> Tensor:
    """The model's outputs on the CPU."""
    return model(x.to(next(model.parameters()).device)).cpu()


def classes(output: Tensor) -> Tensor:
    """The predicted class (N,) of outputs (N, C); the label -1 or 1 where C is 1."""
    return output.squeeze(1).sign() if output.shape[1] == 1 else output.argmax(1)


def accuracy(model: nn.Module, data: HeldOut) -> Mapping[str, Any]:
    """The fraction of examples that are classified correctly."""
    return {"accuracy": (classes(outputs(model, data.x)) == data.y).float().mean()}


def closed_form(model: nn.Module, data: HeldOut) -> Mapping[str, Any]:
    """Mean squared error, and the largest difference of any weight from the solution of the normal equations."""
    best = normal_equations(data.train_x, data.train_y)
    return {
        "mse": ((outputs(model, data.x).squeeze(1) - data.y) ** 2).mean().item(),
        "closed_form_mse": ((with_one(data.x) @ best - data.y) ** 2).mean().item(),
        "distance_to_closed_form": (weights_and_bias(model) - best).abs().max().item(),
    }


def weights_and_bias(model: nn.Module) -> Tensor:
    """The weights and, last, the bias of an affine model with one output: (D + 1,) in double precision."""
    return torch.cat([parameter.detach().cpu().flatten() for parameter in model.parameters()]).double()


def with_one(x: Tensor) -> Tensor:
    """x (N, D) with a column of ones for the bias, in double precision: (N, D + 1)."""
    return torch.cat([x, torch.ones(len(x), 1)], 1).double()


def normal_equations(x: Tensor, y: Tensor) -> Tensor:
    """The least-squares weights and, last, bias (D + 1,); the solution of smallest norm if there are several."""
    # (XᵀX) w = Xᵀy
    return torch.linalg.lstsq(with_one(x), y.double()[:, None], driver="gelsd").solution[:, 0]


def scikit_logistic(model: nn.Module, data: HeldOut, *, ridge: PositiveFloat = 1e-3) -> Mapping[str, Any]:
    """Compares with scikit-learn's LogisticRegression on the same training set with the same penalty.

    ridge: λ, as in the loss; scikit-learn's C is 1 / (λ N).
    """
    from sklearn.linear_model import LogisticRegression

    reference = LogisticRegression(C=1 / (ridge * len(data.train_y)), max_iter=10_000, tol=1e-8)
    reference.fit(data.train_x.double().numpy(), data.train_y.numpy())
    probabilities = torch.from_numpy(reference.predict_proba(data.x.double().numpy()))
    return {
        "scikit_accuracy": (probabilities.argmax(1) == data.y).float().mean().item(),
        "probability_difference": (outputs(model, data.x).double().softmax(1) - probabilities).abs().max().item(),
    }


def race(path: Tensor, data: Valley, *, run: Run) -> Mapping[str, Any]:
    """The final excess loss of each racer, and the largest deviation of gradient descent from theory."""
    own, shared = "optimizer.descent.learning_rate", "optimizer.learning_rate"
    learning_rate = run.config[own if own in run.config else shared]
    theory = descent_by_theory(data, path[0, 0], learning_rate, len(path) - 1)
    ends = {f"{name}_excess": value.item() for name, value in zip(RACERS, excess(path[-1:], data)[0], strict=True)}
    return ends | {"theory_error": (path[:, 0] - theory).abs().max().item()}


def activations(product: SideBySide, data: HeldOut) -> Mapping[str, Any]:
    """The accuracy of each activation's network."""
    return {
        name.replace("-", "_"): accuracy(product.model.get_submodule(name), data)["accuracy"] for name in product.parts
    }
