"""The plugin keeps the contract, and what is recorded is about its recipes' own targets."""

from __future__ import annotations

import json
from pathlib import Path

import dlplug_video
import pytest

from dlplug import testing

RECIPES = dlplug_video.register_recipes()


def test_the_plugin_keeps_the_contract():
    testing.check_plugin("video")


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.targets])
def test_what_is_recorded_is_about_the_recipes_own_target(name: str):
    path = Path(__file__).parents[2] / "plugins" / "video" / "results" / f"{name}.json"
    record = json.loads(path.read_text(encoding="utf-8")).get("default") if path.is_file() else None
    if record is None:
        pytest.skip(f"{name} has not been verified yet")
    for target, result in zip(RECIPES[name].targets, record["targets"], strict=True):
        assert (target.metric, target.source) == (result["metric"], result["source"])
        assert result["values"]
