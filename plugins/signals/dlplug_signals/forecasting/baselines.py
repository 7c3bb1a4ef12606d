"""The baselines of every forecaster: the last value, the last season, and ridge regression in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from dlplug.stop import stoppable
from dlplug_signals.forecasting.windows import HeldOut, cut

RIDGE = 1e-3  # penalty per training window: with thousands of them it only keeps the equations solvable


def last_value(x: Tensor, horizon: int) -> Tensor:
    """The last value of x (B, L, C) for the whole horizon, (B, horizon, C)."""
    return x[:, -1:].expand(-1, horizon, -1)


def seasonal_naive(x: Tensor, season: int, horizon: int) -> Tensor:
    """The last season of x (B, L, C) over and over, (B, horizon, C); L ≥ season."""
    return x[:, -season:].repeat(1, -(-horizon // season), 1)[:, :horizon]


class LinearRidge:
    """NLinear in closed form: ridge regression from a window less its last value, the same for all columns.

    It is the minimum that training NLinear by gradient steps approaches, without validation, learning rate or seed.
    """

    def __init__(self, data: HeldOut, penalty: float = RIDGE, size: int = 512) -> None:
        gram = torch.zeros(data.input + 1, data.input + 1, dtype=torch.double)
        moment = torch.zeros(data.input + 1, data.horizon, dtype=torch.double)
        for starts in stoppable(data.train_starts.split(size)):
            window = cut(data.values, starts, data.input, data.horizon)
            last = window.x[:, -1:]
            x, y = (part.transpose(1, 2).flatten(0, 1) for part in (window.x - last, window.y - last))
            x = torch.cat([x, torch.ones(len(x), 1)], 1)
            gram += x.T @ x
            moment += x.T @ y
        # (XᵀX + λ n I) W = XᵀY; the last value of x is zero everywhere, so that without λ there is no solution
        count = len(data.train_starts) * data.values.shape[1]
        self.weight = torch.linalg.solve(gram + penalty * count * torch.eye(len(gram), dtype=torch.double), moment)

    def __call__(self, x: Tensor) -> Tensor:
        """(B, horizon, C) from x (B, L, C)."""
        last = x[:, -1:]
        columns = (x - last).double().transpose(1, 2)
        return (columns @ self.weight[:-1] + self.weight[-1]).transpose(1, 2).to(x.dtype) + last
