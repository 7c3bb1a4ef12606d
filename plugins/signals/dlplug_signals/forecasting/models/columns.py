"""Each column of a window forecast by itself, with the same weights for all columns."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dlplug import Spec

SMALLEST = 1e-5  # added to the variance of a window, which may be constant: RevIN's default


def column_by_column(forecast: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """(B, horizon, C) from x (B, L, C), by a function of single columns, (N, L) to (N, horizon)."""
    columns = x.transpose(1, 2)
    return forecast(columns.flatten(0, 1)).unflatten(0, columns.shape[:2]).transpose(1, 2)


class Normalised(nn.Module):
    """A network of single columns, each window scaled to mean 0 and variance 1 and the forecast scaled back: RevIN
    (Kim et al. 2022) without its affine layer. Subclasses define `forecast`, (N, L) to (N, horizon)."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.length, self.horizon = spec.input[0], spec.output

    def forecast(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """(B, horizon, C) from x (B, L, C)."""
        mean = x.mean(1, keepdim=True)
        deviation = torch.sqrt(x.var(1, correction=0, keepdim=True) + SMALLEST)
        return column_by_column(self.forecast, (x - mean) / deviation) * deviation + mean
