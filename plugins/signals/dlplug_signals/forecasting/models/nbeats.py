"""N-BEATS (Oreshkin et al. 2020, arXiv:1905.10437): a stack of fully connected blocks, for many series at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dlplug import NonNegativeInt, PositiveInt, ProperFraction, Spec, UserError
from dlplug_signals.forecasting.models.columns import column_by_column

SMALLEST = 1e-6  # the least level of a window, which may be zero throughout


class Block(nn.Module):
    """A perceptron from what is left of the input to a backcast, which is taken from it, and a forecast."""

    def __init__(self, length: int, horizon: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Sequential()
        for inputs in [length] + [width] * (layers - 1):
            self.hidden.extend([nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)])
        self.out = nn.Linear(width, length + horizon)
        self.sizes = [length, horizon]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, L) to the backcast (N, L) and the forecast (N, horizon)."""
        backcast, forecast = self.out(self.hidden(x)).split(self.sizes, 1)
        return backcast, forecast


class NBeats(nn.Module):
    """Generic N-BEATS on windows divided by their level, the mean absolute value, so that one set of weights serves
    series of any size. Each column is forecast by itself.

    The blocks correct the seasonal naive forecast: they see the input less that of a season before, and add to the
    values of a season ago.

    season: time steps of that season, such as 168 for a week of hours; 0 takes none.
    width, layers: hidden size and hidden layers of a block.
    blocks: blocks in the stack.
    dropout: dropout rate after each hidden layer.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        season: NonNegativeInt = 0,
        width: PositiveInt = 256,
        layers: PositiveInt = 3,
        blocks: PositiveInt = 3,
        dropout: ProperFraction = 0.0,
    ) -> None:
        super().__init__()
        length, self.horizon = spec.input[0], spec.output
        if season > length:
            raise UserError(f"--model.season {season} is longer than --data.input {length}")
        self.season = season
        self.blocks = nn.ModuleList(Block(length, self.horizon, width, layers, dropout) for _ in range(blocks))

    def forecast(self, x: Tensor) -> Tensor:
        """(N, horizon) from x (N, L)."""
        level = x.abs().mean(1, keepdim=True).clamp(min=SMALLEST)
        rest = x / level
        total = repeated(rest, self.season, self.horizon)
        for block in self.blocks:
            backcast, forecast = block(rest)
            rest, total = rest - backcast, total + forecast
        return total * level

    def forward(self, x: Tensor) -> Tensor:
        """(B, horizon, C) from x (B, L, C)."""
        return column_by_column(self.forecast, x)


def repeated(x: Tensor, season: int, horizon: int) -> Tensor:
    """The last `season` values of x (N, L) over and over, (N, horizon); zeros for no season."""
    if not season:
        return torch.zeros(len(x), horizon, device=x.device, dtype=x.dtype)
    return x[:, -season:].repeat(1, -(-horizon // season))[:, :horizon]
