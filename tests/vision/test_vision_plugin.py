"""The plugin keeps the contract, and its recipes reach what they claim."""

from __future__ import annotations

import json
from pathlib import Path

import dlplug_vision
import pytest

import dlplug
from dlplug import UserError, testing
from dlplug.options.layers import resolve

RECIPES = dlplug_vision.register_recipes()
SMALL = {"data.validation": 50, "data.batch_size": 25, "model.width": 4}


def test_the_plugin_keeps_the_contract():
    testing.check_plugin("vision")


def test_digits_learn_and_resume():
    testing.check_recipe("digits", {"data.cutout": 2, "loss.mixup": 0.2, "model.dropout": 0.1})


def test_mnist_learns_and_resumes(tiny_mnist: Path):
    testing.check_recipe("mnist-cnn", {**SMALL, "threads": 1})


@pytest.mark.parametrize("what", ["mistakes", "filters", "maps", "saliency"])
def test_there_is_something_to_see(what: str):
    testing.check_sampler("digits", what)


def test_digits_reach_their_bar_and_the_test_set_is_left_to_eval(tmp_path: Path):
    overlay = {**testing.QUIET, "seed": 7}
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    run = dlplug.run("digits", overlay, out=str(tmp_path / "run"))
    assert {key.partition("/")[0] for key in run.result["metrics"]} == {"train", "val"}
    values = dlplug.evaluate(str(run.folder))
    assert values["test/accuracy"] >= 0.97
    assert values["test/calibration_error"] < 0.1
    assert Path(values["test/confusion"]).is_file()


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.targets])
def test_what_is_recorded_as_reached_is_the_recipes_own_target(name: str):
    path = Path(__file__).parents[2] / "plugins" / "vision" / "results" / f"{name}.json"
    record = json.loads(path.read_text(encoding="utf-8")).get("default") if path.is_file() else None
    if record is None:
        pytest.skip(f"{name} has not been verified with all its seeds yet")
    for target, result in zip(RECIPES[name].targets, record["targets"], strict=True):
        assert (target.metric, target.source) == (result["metric"], result["source"])
        if result["reached"]:
            assert len(result["values"]) >= 3
            assert target.reached(sum(result["values"]) / len(result["values"]))


def test_other_data_that_count_images_keep_the_recipes_length():
    host = testing.load_host()
    assert resolve(host, "mnist-cnn", [{"data": "kmnist"}])["images"] == 220_000
    assert "images" not in resolve(host, "mnist-cnn", [{"data": "kmnist", "steps": 7}])
    with pytest.raises(UserError, match="unit that flat-digits does not count"):
        resolve(host, "mnist-cnn", [{"data": "flat-digits"}])


def test_a_claim_is_about_the_recipes_own_data():
    host = testing.load_host()
    for name, recipe in RECIPES.items():
        for target in [*recipe.targets, *(t for preset in recipe.presets.values() for t in preset.targets)]:
            assert target.stands(resolve(host, name, []))
            assert not target.stands(resolve(host, name, [{"data": "kmnist"}]))
