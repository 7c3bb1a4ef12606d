"""Spectra and time series: classification and forecasting beside their classical baselines."""

from dlplug import hookimpl
from dlplug_signals.forecasting.recipes import FORECASTING_RECIPES
from dlplug_signals.spectra.recipes import SPECTRA_RECIPES


@hookimpl
def register_data():
    return {
        "gliadin": "dlplug_signals.spectra.gliadin.data:Gliadin",
        "ucr": "dlplug_signals.spectra.ucr:UCR",
        "ts-files": "dlplug_signals.spectra.ucr:TsFiles",
        "wheat-kernels": "dlplug_signals.spectra.wheat.data:WheatKernels",
        "seasons": "dlplug_signals.forecasting.data.seasons:Seasons",
        "etth1": "dlplug_signals.forecasting.data.ett:ETTh1",
        "etth2": "dlplug_signals.forecasting.data.ett:ETTh2",
        "m4-hourly": "dlplug_signals.forecasting.data.m4:M4Hourly",
        "m4-weekly": "dlplug_signals.forecasting.data.m4:M4Weekly",
        "csv-series": "dlplug_signals.forecasting.data.csv_series:CsvSeries",
    }


@hookimpl
def register_models():
    return {
        "two-pipelines": "dlplug_signals.spectra.nets.autoencoder:TwoPipelines",
        "series-net": "dlplug_signals.spectra.nets.series_net:SeriesNet",
        "linear-and-net": "dlplug_signals.spectra.nets.linear_and_net:LinearAndNet",
        "nlinear": "dlplug_signals.forecasting.models.linear:NLinear",
        "dlinear": "dlplug_signals.forecasting.models.linear:DLinear",
        "tcn": "dlplug_signals.forecasting.models.tcn:TCN",
        "lstm-forecaster": "dlplug_signals.forecasting.models.lstm:LSTMForecaster",
        "transformer-forecaster": "dlplug_signals.forecasting.models.transformer:TransformerForecaster",
        "seasonal-mlp": "dlplug_signals.forecasting.models.seasonal_mlp:SeasonalMLP",
    }


@hookimpl
def register_losses():
    return {
        "two-pipelines": "dlplug_signals.spectra.nets.autoencoder:TwoPipelinesLoss",
        "series-cross-entropy": "dlplug_signals.spectra.losses:series_cross_entropy",
        "series-squared-error": "dlplug_signals.spectra.losses:series_squared_error",
        "forecast-error": "dlplug_signals.forecasting.loss:forecast_error",
    }


@hookimpl
def register_metrics():
    return {
        "pipelines": "dlplug_signals.spectra.metrics:pipelines",
        "series-classification": "dlplug_signals.spectra.metrics:series_classification",
        "protein-error": "dlplug_signals.spectra.wheat.metric:protein_error",
        "forecast": "dlplug_signals.forecasting.metrics:forecast",
        "best-forecast": "dlplug_signals.forecasting.metrics:best_forecast",
        "m4": "dlplug_signals.forecasting.metrics:m4",
    }


@hookimpl
def register_samplers():
    return {
        "spectra-pictures": "dlplug_signals.spectra.look:spectra_pictures",
        "forecasts": "dlplug_signals.forecasting.figures:forecasts",
    }


@hookimpl
def register_recipes():
    return SPECTRA_RECIPES | FORECASTING_RECIPES
