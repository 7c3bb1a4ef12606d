"""The recipes keep the contract, and a short run shows what it claims to show."""

from __future__ import annotations

from pathlib import Path

import pytest
from dlplug_signals.forecasting.recipes import FORECASTING_RECIPES

from dlplug import testing
from dlplug.options.layers import resolve

SMALL = {"data.length": 600, "data.input": 48, "data.horizon": 6, "data.batch_size": 16}


def test_seasons_learn_and_resume():
    testing.check_recipe("forecast-seasons", SMALL)


def test_there_is_something_to_see():
    testing.check_sampler("forecast-seasons", "forecasts", SMALL, {"count": 2, "column": 9})


def test_a_csv_of_ones_own_trains(tmp_path: Path):
    path = tmp_path / "own.csv"
    path.write_text("x\n" + "\n".join(str(i % 24 + i / 100) for i in range(300)), encoding="utf-8")
    options = {"data.path": str(path), "data.input": 48, "data.horizon": 6, "data.batch_size": 8}
    values = testing.check_metric("forecast-csv", "forecast", options)
    assert values["test/mse_nlinear_ridge"] < 1e-3


def test_claims_are_about_the_recipes_own_protocol():
    host = testing.load_host()
    for name, recipe in FORECASTING_RECIPES.items():
        for target in recipe.targets:
            assert target.stands(resolve(host, name, []))
    target = FORECASTING_RECIPES["forecast-tcn-etth1"].targets[0]
    assert not target.stands(resolve(host, "forecast-tcn-etth1", [{"data.input": 96}]))


@pytest.mark.parametrize("name", [name for name in FORECASTING_RECIPES if "etth1" in name])
def test_recipes_of_one_table_share_their_protocol(name: str):
    host = testing.load_host()
    config, other = (resolve(host, recipe, []) for recipe in (name, "forecast-nlinear-etth1"))
    shared = [key for key in other if key.startswith("data.") or key == "metrics"]
    assert {key: config[key] for key in shared} == {key: other[key] for key in shared}
