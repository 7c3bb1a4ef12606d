"""One perceptron for many series of any size, on seasonal differences."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dlplug import NonNegativeInt, PositiveInt, ProperFraction, Spec, UserError
from dlplug_signals.forecasting.models.columns import column_by_column
from dlplug_signals.forecasting.windows import SeriesSpec

SMALLEST = 1e-6  # the least scale of a window, which may be constant


class SeasonalMLP(nn.Module):
    """A perceptron that corrects the seasonal naive forecast, for one model of many series (a global model).

    It sees a window twice: its differences at the lag of the season, divided by their mean absolute value, and its
    values, scaled to mean 0 and variance 1. What it adds to the last season is scaled back like the differences, so
    that a window's level and size do not matter. Each column is forecast by itself.

    season: time steps of the season, such as 168 for a week of hours; 0 takes that of the data.
    width, layers: hidden size and hidden layers.
    dropout: dropout rate after each hidden layer.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        season: NonNegativeInt = 0,
        width: PositiveInt = 256,
        layers: PositiveInt = 2,
        dropout: ProperFraction = 0.2,
    ) -> None:
        super().__init__()
        length, self.horizon = spec.input[0], spec.output
        self.season = season or (spec.season if isinstance(spec, SeriesSpec) else 1)
        if self.season >= length:
            raise UserError(
                f"seasonal-mlp sees differences over {self.season} steps: --data.input {length} is too short"
            )
        self.network = nn.Sequential()
        for inputs in [2 * length - self.season] + [width] * (layers - 1):
            self.network.extend([nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)])
        self.network.append(nn.Linear(width, self.horizon))

    def forecast(self, x: Tensor) -> Tensor:
        """(N, horizon) from x (N, L)."""
        mean, deviation = x.mean(1, keepdim=True), x.std(1, correction=0, keepdim=True)
        deviation = deviation + 1e-3 * x.abs().mean(1, keepdim=True) + SMALLEST
        change = x[:, self.season :] - x[:, : -self.season]
        scale = change.abs().mean(1, keepdim=True) + 0.01 * deviation  # a series may repeat its season exactly
        correction = self.network(torch.cat([change / scale, (x - mean) / deviation], 1))
        return repeated(x, self.season, self.horizon) + scale * correction

    def forward(self, x: Tensor) -> Tensor:
        """(B, horizon, C) from x (B, L, C)."""
        return column_by_column(self.forecast, x)


def repeated(x: Tensor, season: int, horizon: int) -> Tensor:
    """The last `season` values of x (N, L) over and over, (N, horizon)."""
    return x[:, -season:].repeat(1, -(-horizon // season))[:, :horizon]
