"""LTSF-Linear (Zeng et al. 2023, arXiv:2205.13504): one affine layer from input to horizon."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import PositiveInt, Spec, UserError
from dlplug_signals.forecasting.models.columns import column_by_column


class NLinear(nn.Module):
    """One affine layer, for all columns, from the input less its last value to the horizon less that value."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.linear = nn.Linear(spec.input[0], spec.output)

    def forward(self, x: Tensor) -> Tensor:
        """(B, horizon, C) from x (B, L, C)."""
        last = x[:, -1:]
        return column_by_column(self.linear, x - last) + last


class DLinear(nn.Module):
    """Two affine layers, for all columns: one for the moving average, one for what it leaves.

    average: time steps of the moving average; odd.
    """

    def __init__(self, spec: Spec, *, average: PositiveInt = 25) -> None:
        if average % 2 == 0:
            raise UserError(f"--model.average must be odd, so that it has a middle, got {average}")
        super().__init__()
        self.average = average
        self.trend, self.rest = (nn.Linear(spec.input[0], spec.output) for _ in range(2))
        for layer in (self.trend, self.rest):  # the authors' start: the mean of the input
            nn.init.constant_(layer.weight, 1 / spec.input[0])

    def forward(self, x: Tensor) -> Tensor:
        """(B, horizon, C) from x (B, L, C)."""
        trend = moving_average(x, self.average)
        return column_by_column(self.trend, trend) + column_by_column(self.rest, x - trend)


def moving_average(x: Tensor, count: int) -> Tensor:
    """The mean of `count` (odd) time steps around each one, (B, L, C); the first and last value continue outside."""
    side = count // 2
    padded = torch.cat([x[:, :1].expand(-1, side, -1), x, x[:, -1:].expand(-1, side, -1)], 1)
    return F.avg_pool1d(padded.transpose(1, 2), count, stride=1).transpose(1, 2)
