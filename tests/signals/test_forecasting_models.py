"""Forecasters: shapes, causality, and what each must be able to do by construction."""

from __future__ import annotations

import pytest
import torch
from dlplug_signals.forecasting.loss import forecast_error
from dlplug_signals.forecasting.models.linear import DLinear, NLinear, moving_average
from dlplug_signals.forecasting.models.lstm import LSTMForecaster
from dlplug_signals.forecasting.models.seasonal_mlp import SeasonalMLP
from dlplug_signals.forecasting.models.tcn import TCN, dilations
from dlplug_signals.forecasting.models.transformer import TransformerForecaster
from dlplug_signals.forecasting.windows import SeriesSpec
from torch import nn

from dlplug import Labelled, UserError, testing

SPEC = SeriesSpec((48, 3), 7, names=("a", "b", "c"), season=24)
MODELS = [NLinear, DLinear, TCN, LSTMForecaster, TransformerForecaster, SeasonalMLP]


@pytest.mark.parametrize("kind", MODELS)
def test_each_column_is_forecast_by_the_same_weights(kind):
    torch.manual_seed(0)
    model = kind(SPEC).eval()
    x = torch.randn(5, 48, 3)
    forecast = model(x)
    assert forecast.shape == (5, 7, 3)
    assert torch.allclose(model(x.flip(2)), forecast.flip(2), atol=1e-5)
    assert torch.allclose(model(x[2:3, :, 1:2]), forecast[2:3, :, 1:2], atol=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_the_loss_moves_all_weights(kind):
    torch.manual_seed(0)
    batch = Labelled(torch.randn(4, 48, 3), torch.randn(4, 7, 3))
    testing.check_loss(forecast_error(kind(SPEC)), batch)


@pytest.mark.parametrize("kind", [NLinear, TCN, LSTMForecaster, TransformerForecaster])
def test_a_shift_of_the_window_shifts_the_forecast(kind):
    torch.manual_seed(0)
    model = kind(SPEC).eval()
    x = torch.randn(2, 48, 3)
    assert torch.allclose(model(x + 5), model(x) + 5, atol=1e-4)


@pytest.mark.parametrize("kind", [TCN, LSTMForecaster, TransformerForecaster, SeasonalMLP])
def test_a_window_of_another_size_is_forecast_in_its_size(kind):
    torch.manual_seed(0)
    model = kind(SPEC).eval()
    x = torch.randn(2, 48, 3) + 3
    assert torch.allclose(model(1000 * x), 1000 * model(x), rtol=1e-3, atol=0.5)


@pytest.mark.parametrize("kind", [TCN, LSTMForecaster, TransformerForecaster, SeasonalMLP])
def test_a_constant_window_gives_finite_forecasts(kind):
    assert kind(SPEC)(torch.zeros(1, 48, 3)).isfinite().all()


def test_the_tcn_is_causal_and_its_last_patch_sees_the_first():
    torch.manual_seed(0)
    model = TCN(SPEC, patch=4).eval()
    x = torch.randn(1, 48)
    features = model.features(x)
    later = x.clone()
    later[:, 24:] += 1  # from the seventh patch on
    changed = (model.features(later) - features).abs().amax((0, 1))
    assert changed[:6].eq(0).all()
    assert changed[6] > 0
    first = x.clone()
    first[:, 0] += 1
    assert (model.features(first) - features)[0, :, -1].abs().max() > 0


@pytest.mark.parametrize(("length", "kernel"), [(1, 2), (12, 3), (84, 3), (336, 3), (100, 2)])
def test_dilations_double_until_the_input_is_seen(length: int, kernel: int):
    chosen = dilations(length, kernel)
    sees = [1 + 2 * (kernel - 1) * sum(chosen[:count]) for count in range(1, len(chosen) + 1)]
    assert chosen == [2**i for i in range(len(chosen))]
    assert sees[-1] >= length
    assert all(before < length for before in sees[:-1])


def test_a_moving_average_is_the_mean_around_each_step():
    x = torch.randn(1, 9, 1)
    padded = torch.cat([x[0, 0].repeat(2), x[0, :, 0], x[0, -1].repeat(2)])
    slow = torch.stack([padded[i : i + 5].mean() for i in range(9)])
    assert torch.allclose(moving_average(x, 5)[0, :, 0], slow, atol=1e-6)


def test_the_perceptron_corrects_the_season_before():
    model = SeasonalMLP(SPEC, season=24)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.startswith("network.6"):
                weight.zero_()
    x = torch.rand(2, 48, 3)
    assert torch.allclose(model(x), x[:, 24 : 24 + 7], atol=1e-6)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: TCN(SPEC, patch=5), "--model.patch 5 does not divide --data.input 48"),
        (lambda: TCN(SPEC, kernel=1), "kernel must be at least 2"),
        (lambda: LSTMForecaster(SPEC, patch=7), "does not divide"),
        (lambda: TransformerForecaster(SPEC, heads=3), "--model.heads 3 does not divide --model.width 16"),
        (lambda: TransformerForecaster(SPEC, patch=99), "longer than --data.input 48"),
        (lambda: DLinear(SPEC, average=24), "must be odd"),
        (lambda: SeasonalMLP(SPEC, season=168), "--data.input 48 is too short"),
    ],
)
def test_options_that_do_not_fit_get_one_clear_line(build, says: str):
    with pytest.raises(UserError, match=says):
        build()


def test_the_loss_refuses_another_shape_and_weighs_series_alike():
    batch = Labelled(torch.randn(2, 48, 3), torch.randn(2, 7, 3))
    with pytest.raises(UserError, match=r"forecasts \(7, 3\)"):
        next(forecast_error(nn.Linear(3, 3)).updates(batch))
    model = SeasonalMLP(SPEC).eval()
    loss = forecast_error(model, error="mae", relative=True)
    larger = Labelled(1000 * batch.x, 1000 * batch.y)
    one, other = (next(loss.updates(b)).loss.item() for b in (batch, larger))
    assert one == pytest.approx(other, rel=1e-4)
