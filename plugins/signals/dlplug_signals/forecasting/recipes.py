"""The recipes of forecasting. Their hyperparameters were chosen on the validation split."""

from __future__ import annotations

from dlplug import Recipe, Target, Use, use

LTSF = "Zeng et al. 2023 (arXiv:2205.13504), table 2: NLinear 0.374, DLinear 0.375"
OWN = "this project's own bar"
ETTH1 = "ETTh1, 7 columns, 336 hours to 96, all 2785 test windows, scaled by train rows"
ETTH1_WHERE = {"data": "etth1", "data.input": 336, "data.horizon": 96, "data.columns": "all"}
SEASONS = "generated test windows; over the conditional mean's mean squared error on the same windows"
SEASONS_WHERE = {"data": "seasons", "data.input": 672, "data.horizon": 24}
M4_HOURLY = "M4's 414 hourly series, the published 48 test values, M4's sMAPE in percent"


def adam(rate: float) -> Use:
    return use("adam", learning_rate=rate, schedule="cosine")


def etth1(summary: str, model: Use | str, rate: float, length: str, bar: float, source: str, paper: str) -> Recipe:
    """A recipe on ETTh1: the optimizer, measures and protocol are the same for every model."""
    return Recipe(
        summary=summary,
        data="etth1",
        model=model,
        loss="forecast-error",
        optimizer=adam(rate),
        length=length,
        source=paper,
        metrics=["forecast"],
        samplers=["forecasts"],
        trainer=use("torch", threads=1),
        targets=[Target("test/mse", ETTH1, source, at_most=bar, where=ETTH1_WHERE)],
        watch=["train/loss"],
        needs="ETTh1, 2.6 MB",
    )


FORECASTING_RECIPES = {
    "forecast-seasons": Recipe(
        summary="Forecast generated seasons with autoregressive noise, beside the best forecast that there is",
        data=use("seasons", input=672),
        model="nlinear",
        loss="forecast-error",
        optimizer=adam(3e-3),
        length="100k windows",
        source="Box & Jenkins 1970; the conditional mean of the generator",
        metrics=["forecast", "best-forecast"],
        samplers=["forecasts"],
        trainer=use("torch", threads=1),
        targets=[Target("test/mse_over_best", SEASONS, OWN, at_most=1.05, where=SEASONS_WHERE)],
        watch=["train/loss"],
        level=1,
    ),
    "forecast-nlinear-etth1": etth1(
        "NLinear, one affine layer, forecasts a transformer's load and oil temperature four days ahead",
        "nlinear", 1e-3, "80k windows", 0.375, LTSF, "Zeng et al. 2023 (arXiv:2205.13504)",
    ),
    "forecast-tcn-etth1": etth1(
        "Dilated causal convolutions forecast a transformer's load, beside linear baselines",
        use("tcn", patch=12), 1e-3, "12k windows", 0.42, OWN, "Bai et al. 2018 (arXiv:1803.01271)",
    ),
    "forecast-lstm-etth1": etth1(
        "An LSTM over days forecasts a transformer's load, beside linear baselines",
        "lstm-forecaster", 2e-3, "16k windows", 0.45, OWN, "Lin et al. 2023 (arXiv:2308.11200)",
    ),
    "forecast-transformer-etth1": etth1(
        "A transformer over patches forecasts a transformer's load, beside linear baselines",
        use("transformer-forecaster", patch=24, stride=24), 1e-3, "12k windows", 0.45, OWN,
        "Nie et al. 2023 (arXiv:2211.14730)",
    ),
    "forecast-global-m4-hourly": Recipe(
        summary="One perceptron on weekly differences forecasts M4's 414 hourly series two days ahead",
        data="m4-hourly",
        model=use("seasonal-mlp", season=168),
        loss=use("forecast-error", error="smape"),
        optimizer=adam(1e-3),
        length="120k windows",
        source="Makridakis et al. 2020 (doi:10.1016/j.ijforecast.2019.04.014)",
        metrics=["m4"],
        samplers=["forecasts"],
        trainer=use("torch", threads=1),
        targets=[
            Target(
                "test/smape",
                M4_HOURLY,
                "this project's own bar; Makridakis et al. 2020: winner 9.33, seasonal naive 13.91",
                at_most=11.0,
                where={"data": "m4-hourly"},
            )
        ],
        watch=["train/loss"],
        needs="M4's hourly series, 2.5 MB",
    ),
    "forecast-csv": Recipe(
        summary="Forecast time series of your own from a CSV file, beside linear baselines",
        data="csv-series",
        model="nlinear",
        loss="forecast-error",
        optimizer=adam(1e-3),
        length="50k windows",
        source="Zeng et al. 2023 (arXiv:2205.13504)",
        metrics=["forecast"],
        samplers=["forecasts"],
        watch=["train/loss"],
        needs="--data.path: a CSV file with a row for each time step",
    ),
}  # fmt: skip
