"""The errors of forecasts over all windows of a split, beside those of the baselines on the same windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dlplug.stop import stoppable
from dlplug_signals.forecasting.baselines import LinearRidge, last_value, seasonal_naive
from dlplug_signals.forecasting.data.m4 import M4HeldOut
from dlplug_signals.forecasting.data.seasons import Generated
from dlplug_signals.forecasting.figures import horizon_picture
from dlplug_signals.forecasting.windows import HeldOut

Forecaster = Callable[[Tensor], Tensor]  # (B, L, C) to (B, horizon, C)


def forecast(model: nn.Module, data: HeldOut) -> Mapping[str, Any]:
    """Mean squared and absolute error of the scaled values, over all windows, time steps and columns; the same of
    NLinear by ridge regression in closed form, of the last value, and of the last season; and all by time step."""
    squares = {}
    values: dict[str, Any] = {}
    for name, forecaster in {"": on_device(model), **baselines(data)}.items():
        error = errors(forecaster, data)
        suffix = f"_{name}" if name else ""
        values[f"mse{suffix}"], values[f"mae{suffix}"] = error.square().mean(), error.abs().mean()
        squares[name.replace("_", " ") or "this model"] = error.square().mean((0, 2))
    return {**values, "by_step": horizon_picture(squares)}


def best_forecast(model: nn.Module, data: Generated) -> Mapping[str, Any]:
    """The generator's own best forecast, the conditional mean given all that it knows, on the same windows: its mean
    squared error, and the model's over it."""
    best = torch.cat([data.best(part) - data.take(part).y for part in slices(len(data.starts))])
    mse, mse_best = errors(on_device(model), data).square().mean(), best.square().mean()
    return {"mse_best": mse_best, "mse_over_best": mse / mse_best}


def m4(model: nn.Module, data: M4HeldOut) -> Mapping[str, Any]:
    """M4's measures, means over series: sMAPE, in percent, and MASE; and those of the seasonal naive forecast."""
    window = data.take(slice(None))
    forecasts = {"": on_device(model)(window.x), "_seasonal_naive": seasonal_naive(window.x, data.season, data.horizon)}
    values = {}
    for suffix, predicted in forecasts.items():
        values[f"smape{suffix}"] = smape(predicted[..., 0].double(), window.y[..., 0].double()).mean()
        values[f"mase{suffix}"] = mase(predicted[..., 0].double(), window.y[..., 0].double(), data.scale).mean()
    return values


def smape(forecast: Tensor, truth: Tensor) -> Tensor:
    """M4's symmetric mean absolute percentage error of each series, (N,), from 0 to 200; both inputs (N, horizon).

    sMAPE = 100/h Σ 2 |y - ŷ| / (|y| + |ŷ|); a time step where both are 0 counts as 0.
    """
    size = truth.abs() + forecast.abs()
    return (200 * (truth - forecast).abs() / torch.where(size > 0, size, 1)).mean(1)


def mase(forecast: Tensor, truth: Tensor, scale: Tensor) -> Tensor:
    """Mean absolute scaled error of each series, (N,): forecast and truth (N, horizon), scale (N,) the mean absolute
    seasonal difference of its training part."""
    return (truth - forecast).abs().mean(1) / scale


def baselines(data: HeldOut) -> dict[str, Forecaster]:
    """The baselines by name; the last season where there is one and the input holds it."""
    found: dict[str, Forecaster] = {
        "nlinear_ridge": LinearRidge(data),
        "last_value": lambda x: last_value(x, data.horizon),
    }
    if 1 < data.season <= data.input:
        found["seasonal_naive"] = lambda x: seasonal_naive(x, data.season, data.horizon)
    return found


def on_device(model: nn.Module) -> Forecaster:
    """The model as a function of tensors on the CPU."""
    device = next(model.parameters()).device
    return lambda x: model(x.to(device)).float().cpu()


def errors(forecaster: Forecaster, data: HeldOut) -> Tensor:
    """Forecast less truth of all windows, (N, horizon, C)."""
    return torch.cat([forecaster(window.x) - window.y for window in stoppable(data.batches())])


def slices(count: int, size: int = 256) -> list[slice]:
    return [slice(begin, begin + size) for begin in range(0, count, size)]
