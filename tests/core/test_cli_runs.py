"""`dlplug runs`: every state of a run folder, filters, and what differs from the recipe."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from dlplug.runs.lock import locked

RECIPE = "toy-moons"


def a_run(name, *, seed=0, status="finished", metrics=(), began="2026-11-01T10:00:00+00:00", **options):
    folder = Path("runs") / RECIPE / name
    folder.mkdir(parents=True)
    config = {"recipe": RECIPE, "preset": "", "seed": seed, **options}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "environment.json").write_text(json.dumps({"date": began}))
    if status:
        result = {
            "status": status,
            "steps": 50,
            "seconds": 1.5,
            "metrics": dict(metrics),
            "message": "why" * (status == "failed"),
        }
        (folder / "result.json").write_text(json.dumps(result))
    return str(folder)


@pytest.fixture
def runs(cli, toys, in_tmp_path):
    return lambda *words: cli("-p", toys, "runs", *words)


def names(said):
    return [Path(row["folder"]).name for row in said.json]


def test_the_runs_of_every_state_stand_in_the_order_of_their_beginning(runs):
    a_run("late", began="2026-11-03T10:00:00+00:00", metrics={"val/accuracy": 0.5, "train/loss": 1.0})
    a_run("early", began="2026-11-01T10:00:00+01:00", status="interrupted")
    failed = a_run("middle", began="2026-11-02T10:00:00+00:00", status="failed")
    way_on = f"{failed}-with-a-name-that-has-many-hyphens"
    result = json.loads((Path(failed) / "result.json").read_text())
    said_last = f"stopped at once; the last checkpoint is of step 40; go on with: uv run dlplug resume {way_on}"
    (Path(failed) / "result.json").write_text(json.dumps(result | {"message": said_last}))
    silent = a_run("silent", began="2026-11-04T10:00:00+00:00", status="")
    os.utime(Path(silent) / "config.yaml", (0, 0))
    going = a_run("going", began="2026-11-05T10:00:00+00:00", status="")
    with locked(Path(going)):
        os.utime(Path(going) / "config.yaml", (0, 0))
        said = runs("--json")
    assert names(said) == ["early", "middle", "late", "silent", "going"]
    assert [row["status"] for row in said.json] == ["interrupted", "failed", "finished", "killed", "running"]
    assert names(runs("--json", "--status", "failed")) == ["middle"]
    assert said.json[2]["watched"] == ["val/accuracy", "train/loss"], "held out first"
    text = runs().out
    assert failed in text
    assert "50 steps in 1.5 s" in text
    assert way_on in text, "what is to be copied is never broken"
    assert "val/accuracy 0.5, train/loss 1" in text


def test_conditions_and_what_differs_from_the_recipe(runs):
    a_run("own", **{"data.size": 512, "steps": 400})
    a_run("small", **{"data.size": 64, "steps": 400})
    a_run("small-3", seed=3, **{"data.size": 64, "steps": 1000})
    assert names(runs("--json", "--where", "data.size=64")) == ["small", "small-3"]
    assert names(runs("--json", "--where", "data.size=64", "--where", "seed=3")) == ["small-3"]
    assert "no run here has this option. Did you mean data.size" in runs("--where", "data.siz=64").err
    assert "expects OPTION=VALUE" in runs("--where", "data.size").err
    options = {Path(row["folder"]).name: row["options"] for row in runs("--json").json}
    assert "data.size" not in options["own"]
    assert options["small"]["data.size"] == 64
    assert options["small-3"]["steps"] == 1000


def test_sorted_by_a_metric_with_what_was_not_finite_first(runs):
    for name, value in {"a": 0.3, "b": None, "c": -1.0, "d": 2.0}.items():
        a_run(name, metrics={"val/return": value})
    a_run("other", metrics={"val/accuracy": 0.5})
    ordered = names(runs("--json", "--metric", "val/return"))
    assert set(ordered[:2]) == {"b", "other"}
    assert ordered[2:] == ["c", "a", "d"]
    assert "Did you mean val/return" in runs("--metric", "val/retrun").err


def test_places(runs):
    assert runs("--json").json == []
    assert "no runs" in runs().out
    folder = a_run("one")
    assert names(runs("--json", RECIPE)) == names(runs("--json", folder)) == names(runs("--json", ".")) == ["one"]
    assert f"Did you mean {RECIPE}" in runs("toy-mons").err


def test_a_damaged_result_is_noted_and_an_unknown_recipe_has_no_options(runs, cli):
    folder = Path(a_run("broken"))
    (folder / "result.json").write_text('{"status": "fin')
    (row,) = runs("--json").json
    assert any("result.json is damaged" in note for note in row["notes"])
    (row,) = cli("runs", "--json").json
    assert (row["recipe"], row["options"]) == (RECIPE, {})
