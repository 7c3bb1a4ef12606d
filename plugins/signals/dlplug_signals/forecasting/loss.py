"""The losses of forecasters."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Labelled, UserError, minimise

SMALLEST = 1e-6  # the least size of a value, and of a window's level


def percentage_loss(forecast: Tensor, truth: Tensor) -> Tensor:
    """The mean of |y - ŷ| / (|y| + |ŷ|), from 0 to 1: sMAPE over 200."""
    return ((forecast - truth).abs() / (forecast.abs() + truth.abs()).clamp(min=SMALLEST)).mean()


ERRORS = {"mse": F.mse_loss, "mae": F.l1_loss, "smooth-l1": F.smooth_l1_loss, "smape": percentage_loss}


@minimise
def forecast_error(
    model: nn.Module,
    batch: Labelled,
    *,
    error: Literal["mse", "mae", "smooth-l1", "smape"] = "mse",
    relative: bool = False,
) -> Tensor:
    """The mean error of the forecasts over the horizon and columns.

    error: squared, absolute, smooth L1 (Huber 1964, squared below 1), or relative to the values' own size, as M4's
        sMAPE.
    relative: divides each window's error by the mean absolute value of its input, so that series of any size count
        the same.
    """
    forecast = model(batch.x)
    if forecast.shape != batch.y.shape:
        raise UserError(
            f"the loss forecast-error needs a model that forecasts {tuple(batch.y.shape[1:])} (time steps, columns), "
            f"such as nlinear; got {tuple(forecast.shape[1:])}"
        )
    level = batch.x.abs().mean(1, keepdim=True).clamp(min=SMALLEST) if relative else 1.0
    return ERRORS[error](forecast / level, batch.y / level)
