"""`dlplug verify` trains, evaluates by the protocol and records every seed, whatever came out."""

import json

import pytest

from dlplug import UserError
from dlplug.verify import results_folder, verify


def test_every_seed_is_recorded_and_the_mean_compared(host, quiet, in_tmp_path):
    record = verify(host, "toy-moons", {**quiet, "steps": 150}, seeds=2, folder=in_tmp_path / "results")
    (target,) = record["targets"]
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert target["values"] == [run["metrics"]["test/accuracy"] for run in record["runs"]]
    assert target["mean"] == pytest.approx(sum(target["values"]) / 2)
    assert record["reached"] == (target["mean"] >= 0.9)
    stored = json.loads((in_tmp_path / "results" / "toy-moons.json").read_text())
    assert stored == {"default": record}


def test_a_target_that_is_not_reached_is_said_and_recorded(host, quiet, in_tmp_path):
    record = verify(host, "toy-moons", {**quiet, "steps": 1}, folder=in_tmp_path)
    assert record["reached"] is False
    assert json.loads((in_tmp_path / "toy-moons.json").read_text())["default"]["reached"] is False


def test_presets_stand_side_by_side_with_their_own_targets(host, quiet, in_tmp_path):
    verify(host, "toy-moons", {**quiet, "steps": 20}, folder=in_tmp_path)
    record = verify(host, "toy-moons", {**quiet, "points": 640}, preset="tiny", folder=in_tmp_path)
    assert "0.8" in record["targets"][0]["target"]
    assert set(json.loads((in_tmp_path / "toy-moons.json").read_text())) == {"default", "tiny"}


def test_a_recipe_without_a_target_cannot_be_verified(host, quiet, in_tmp_path):
    with pytest.raises(UserError, match="states no target"):
        verify(host, "toy-lstm", quiet)


def test_results_lie_beside_the_plugin(host):
    assert results_folder(host, "dqn-atari").parts[-3:] == ("plugins", "rl", "results")
