"""Errors of forecasts by hand, the baselines against peers, M4's published value."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dlplug_signals.forecasting.baselines import LinearRidge, last_value, seasonal_naive
from dlplug_signals.forecasting.data.m4 import M4Hourly, mase_scale
from dlplug_signals.forecasting.data.seasons import Seasons
from dlplug_signals.forecasting.metrics import best_forecast, forecast, m4, mase, smape
from dlplug_signals.forecasting.models.linear import NLinear
from dlplug_signals.forecasting.windows import Windows
from torch import nn

from dlplug import data_folder


@pytest.fixture(scope="module")
def data() -> Seasons:
    return Seasons(length=600, columns=2, windows=Windows(30, 5, 8), seed=0)


class LastSeason(nn.Module):
    """The values of 24 time steps before."""

    def __init__(self, horizon: int) -> None:
        super().__init__()
        self.horizon, self.unused = horizon, nn.Linear(1, 1)

    def forward(self, x):
        return x[:, -24:][:, torch.arange(self.horizon) % 24]


def test_errors_are_means_over_all_windows_steps_and_columns(data: Seasons):
    model = NLinear(data.spec)
    held_out = data.split("test")
    with torch.no_grad():
        values = forecast(model, held_out)
        squares, absolutes = [], []
        for start in held_out.starts.tolist():
            rows = data.series[start : start + 35]
            error = model(rows[None, :30])[0] - rows[30:]
            squares += error.square().flatten().tolist()
            absolutes += error.abs().flatten().tolist()
    assert len(squares) == (120 - 5 + 1) * 5 * 2
    assert values["mse"].item() == pytest.approx(np.mean(squares), rel=1e-5)
    assert values["mae"].item() == pytest.approx(np.mean(absolutes), rel=1e-5)


def test_the_naive_baselines_are_those_of_the_field(data: Seasons):
    x = torch.arange(1.0, 7)[None, :, None]
    assert last_value(x, 3)[0, :, 0].tolist() == [6, 6, 6]
    assert seasonal_naive(x, 4, 6)[0, :, 0].tolist() == [3, 4, 5, 6, 3, 4]
    values = forecast(LastSeason(5), data.split("test"))
    assert values["mse"].item() == pytest.approx(values["mse_seasonal_naive"].item())
    assert values["mse_last_value"] > values["mse_nlinear_ridge"]


def test_ridge_is_least_squares_with_penalty_rows(data: Seasons):
    held_out = data.split("test")
    ours = LinearRidge(held_out, penalty=0.01)
    rows = torch.cat([data.series[start : start + 35].T for start in held_out.train_starts.tolist()]).double().numpy()
    last = rows[:, 29:30]
    x = np.hstack([rows[:, :30] - last, np.ones_like(last)])
    penalty = np.sqrt(0.01 * len(x)) * np.eye(31)
    weight, *_ = np.linalg.lstsq(np.vstack([x, penalty]), np.vstack([rows[:, 30:] - last, np.zeros((31, 5))]))
    assert np.allclose(ours.weight.numpy(), weight, atol=1e-5)
    window = held_out.take(slice(0, 4)).x
    new = window[2, :, 1].double().numpy()
    expected = np.append(new - new[-1], 1.0) @ weight + new[-1]
    assert np.allclose(ours(window)[2, :, 1].numpy(), expected, atol=1e-5)


def test_no_forecast_beats_the_generators_own_by_much(data: Seasons):
    values = best_forecast(LastSeason(5), data.split("test"))
    assert values["mse_over_best"] > 1.2
    assert 0 < values["mse_best"] < 1


def test_smape_and_mase_by_hand():
    truth, predicted = torch.tensor([[1.0, 3.0], [0.0, 10.0]]), torch.tensor([[3.0, 3.0], [0.0, -10.0]])
    # 200 · 2/4 and 0; 0 where both are zero, and 200, the most there is
    assert smape(predicted, truth).tolist() == [50.0, 100.0]
    scale = mase_scale(torch.tensor([1.0, 2.0, 4.0, 8.0]), 2)
    assert scale == (3 + 6) / 2
    assert mase(predicted, truth, torch.tensor([4.5, 2.0])).tolist() == [pytest.approx(1 / 4.5), 5.0]


def test_the_seasonal_naive_forecast_of_m4_hourly_has_its_published_error():
    if not (data_folder() / "m4" / "Hourly-train.csv.gz").is_file():
        pytest.skip(f"M4's hourly series are not in {data_folder()}")
    held_out = M4Hourly(seed=0).split("test")
    values = m4(LastSeason(48), held_out)
    assert values["smape"].item() == pytest.approx(13.91, abs=0.005)  # the competition's table
    assert values["mase"].item() == pytest.approx(1.193, abs=0.001)
    assert values["smape"] == values["smape_seasonal_naive"]
