"""Pictures of forecasts beside the truth, and of the error by time step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from dlplug_figures.figure import COLOURS, new_figure, to_image
from torch import Tensor, nn

from dlplug import Image, NonNegativeInt, PositiveInt
from dlplug_signals.forecasting.baselines import seasonal_naive
from dlplug_signals.forecasting.windows import HeldOut

MOST_BACK = 4  # horizons of the input that are shown


def horizon_picture(squares: Mapping[str, Tensor]) -> Image:
    """Mean squared errors by time step of the horizon, (horizon,) by name."""
    figure = new_figure(6.4, 3.6)
    axes = figure.subplots()
    for (name, values), colour in zip(squares.items(), COLOURS, strict=False):
        axes.plot(range(1, len(values) + 1), values, label=f"{name}, mean {values.mean():.3f}", color=colour)
    axes.set(xlabel="time steps ahead", ylabel="mean squared error")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    return to_image(figure, "mean squared error by time step of the horizon, over all windows")


def forecasts(
    model: nn.Module, data: HeldOut, *, count: PositiveInt = 6, column: NonNegativeInt = 0, seed: int
) -> Mapping[str, Any]:
    """Forecasts beside the truth, after the end of their input, and the last season repeated.

    count: number of windows, drawn by the seed.
    column: the column to show, from 0; later ones than there are show the last.
    """
    drawn = torch.randperm(len(data.starts), generator=torch.Generator().manual_seed(seed))[:count]
    window = data.take(drawn)
    device = next(model.parameters()).device
    curves = {"forecast": model(window.x.to(device)).float().cpu()}
    if 1 < data.season <= data.input:
        curves["last season"] = seasonal_naive(window.x, data.season, data.horizon)
    column = min(column, window.y.shape[2] - 1)
    back = min(data.input, MOST_BACK * data.horizon)
    past, ahead = range(-back, 0), range(data.horizon)
    figure = new_figure(10.5, 1.0 + 1.5 * len(drawn))
    rows = figure.subplots(len(drawn), 1, squeeze=False)[:, 0]
    for place, axes in enumerate(rows):
        axes.plot(past, window.x[place, -back:, column], color="#888888", linewidth=0.9)
        axes.plot(ahead, window.y[place, :, column], color="black", linewidth=1.1, label="truth")
        for (name, values), colour in zip(curves.items(), COLOURS, strict=False):
            error = (values - window.y)[place, :, column].square().mean()
            label = f"{name}, mean squared error {error:.3g}"
            axes.plot(ahead, values[place, :, column], color=colour, linewidth=1.1, label=label)
        axes.axvline(-0.5, color="#bbbbbb", linewidth=0.8)
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    rows[-1].set_xlabel("time steps after the input")
    name = data.names[min(column, len(data.names) - 1)]
    return {"forecasts": to_image(figure, f"{name}: input (grey), truth (black) and forecasts")}
