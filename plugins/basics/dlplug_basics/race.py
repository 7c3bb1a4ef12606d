"""Gradient descent, SGD and SGD with momentum on one ill-conditioned quadratic of two weights (a valley)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor, nn

from dlplug import Data, Loss, NonNegativeFloat, Order, PositiveInt, Range, Spec, Update, UserError, to_device
from dlplug_basics.trace import Trace

RACERS = {
    "descent": "gradient descent (full batch)",
    "sgd": "SGD (mini-batches)",
    "momentum": "SGD with momentum",
    "too_small": "gradient descent, learning rate too small",
    "too_large": "gradient descent, learning rate too large",
}
ON_BATCHES = ("sgd", "momentum")


class Race(NamedTuple):
    """A batch x (B, 2), y (B,), and all examples."""

    x: Tensor
    y: Tensor
    all_x: Tensor
    all_y: Tensor


class Valley(Data):
    """y = 2 x₁ + x₂ + noise. The squared error is a quadratic function of two weights; its Hessian is x's second
    moments.

    size: number of examples.
    flatness: condition number: ratio of the curvature across the valley to that along it.
    noise: standard deviation of the noise of y.
    batch_size: examples per batch, for the optimizers that use mini-batches.
    """

    finite = True
    splits = ("val",)

    def __init__(
        self,
        *,
        size: PositiveInt = 256,
        flatness: Annotated[float, Range(ge=1)] = 20.0,
        noise: NonNegativeFloat = 0.7,
        batch_size: PositiveInt = 8,
        seed: int,
    ) -> None:
        if flatness < 1 or size < max(2, batch_size):
            raise UserError(f"--data.flatness must be at least 1 and --data.size at least {max(2, batch_size)}")
        generator = torch.Generator().manual_seed(seed)
        raw = torch.randn(size, 2, generator=generator)
        # second moments of exactly 1 and 1/flatness, rotated by 30 degrees: the valley is the same for every seed
        orthogonal = torch.linalg.qr(raw).Q * size**0.5
        turn = torch.tensor([[0.8660254, 0.5], [-0.5, 0.8660254]])
        self.x = (orthogonal * torch.tensor([1.0, flatness**-0.5])) @ turn
        self.y = self.x @ torch.tensor([2.0, 1.0]) + noise * torch.randn(size, generator=generator)
        self.order, self.spec = Order(size, batch_size, seed), Spec(input=(2,), output=1)

    def batches(self, model: nn.Module) -> Iterator[Race]:
        device = next(model.parameters()).device
        x, y = self.x.to(device), self.y.to(device)
        while True:
            index = to_device(self.order.next(), device)
            yield Race(x[index], y[index], x, y)

    def steps_per_epoch(self) -> int:
        return self.order.steps_per_epoch


class Racer(nn.Module):
    """Two weights, and no bias."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([-1.0, 2.5]))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight


class Racers(nn.Module):
    """Five copies of the same two weights, one for each optimizer."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        for name in RACERS:
            self.add_module(name, Racer())


def squared_error(prediction: Tensor, y: Tensor) -> Tensor:
    """L = 1/2N Σ (ŷᵢ - yᵢ)² of predictions and targets (N,); its Hessian is 1/N Σ xᵢ xᵢᵀ."""
    return 0.5 * ((prediction - y) ** 2).mean()


class RaceLoss(Loss):
    """Each racer's squared error, on all examples or on the batch. Records the paths, for the figure."""

    parts = tuple(RACERS)

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        start = self.positions()
        self.path = Trace(start.shape, start.device)
        self.path.add(start)

    def positions(self) -> Tensor:
        """(racers, 2) weights."""
        return torch.stack([weight.detach() for weight in self.model.parameters()])

    def updates(self, batch: Race) -> Iterator[Update]:
        for name in self.parts:
            x, y = (batch.x, batch.y) if name in ON_BATCHES else (batch.all_x, batch.all_y)
            yield Update(squared_error(self.model.get_submodule(name)(x), y), name)
        self.path.add(self.positions())

    def product(self) -> Any:
        """The paths (steps + 1, racers, 2), of the first 9,999 steps."""
        return self.path.recorded()


def excess(path: Tensor, data: Valley) -> Tensor:
    """The excess loss (T, R) over the minimum of positions (T, R, 2)."""
    best, hessian = minimum(data)
    offset = path.double() - best
    # L(w) - L(w*) = 1/2 (w - w*)ᵀ H (w - w*)
    return 0.5 * torch.einsum("tri,ij,trj->tr", offset, hessian, offset)


def minimum(data: Valley) -> tuple[Tensor, Tensor]:
    """The best weights w* (2,) and the Hessian H (2, 2), in double precision."""
    x, y = data.x.double(), data.y.double()
    hessian = x.T @ x / len(x)
    return torch.linalg.solve(hessian, x.T @ y / len(x)), hessian


def descent_by_theory(data: Valley, start: Tensor, learning_rate: float, steps: int) -> Tensor:
    """The exact positions (steps + 1, 2) of gradient descent from start (2,)."""
    best, hessian = minimum(data)
    rates, directions = torch.linalg.eigh(hessian)
    along = directions.T @ (start.double() - best)
    # wₜ = w* + Q (1 - ηΛ)ᵗ Qᵀ (w₀ - w*)
    shrink = (1 - learning_rate * rates) ** torch.arange(steps + 1)[:, None]
    return best + (shrink * along) @ directions.T
