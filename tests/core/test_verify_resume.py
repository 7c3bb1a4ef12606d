"""What `dlplug verify` has recorded outlives an interruption, and `--resume` trains only what is missing."""

import json
import shutil
from dataclasses import replace

import pytest
from dlplug_commands.verify.begun import begun
from dlplug_commands.verify.seeds import verify
from dlplug_commands.verify.tables import rows_of

import dlplug
from dlplug import UserError, hookimpl
from dlplug.options.layers import resolve


def recorded(folder):
    return json.loads((folder / "toy-moons.json").read_text())


class StopSeed:
    """Asks the run of one seed to stop, as Ctrl-C does."""

    def __init__(self, seed):
        self.seed = seed

    @hookimpl
    def logged(self, run):
        run.stopping = run.stopping or run.seed == self.seed


def test_an_interruption_loses_no_finished_run(host, quiet, in_tmp_path):
    options = {**quiet, "steps": 100}
    (before,) = verify(host, "toy-moons", options, folder=in_tmp_path)
    host.manager.register(stopper := StopSeed(2))
    with pytest.raises(
        UserError, match=r"interrupted at seed 2: 2 of 3 seeds are recorded in .*; go on with: .*verify.* --resume"
    ):
        verify(host, "toy-moons", options, seeds=3, folder=in_tmp_path)
    kept = recorded(in_tmp_path)
    assert kept["steps=100"] == before, "the last whole record stands"
    assert [run["seed"] for run in kept["steps=100 (unfinished)"]["runs"]] == [0, 1]
    host.manager.unregister(stopper)
    (whole,) = verify(host, "toy-moons", options, seeds=3, folder=in_tmp_path)
    assert recorded(in_tmp_path) == {"steps=100": whole}
    host.manager.register(StopSeed(0))
    with pytest.raises(UserError, match="interrupted at seed 0: nothing was recorded"):
        verify(host, "toy-moons", options, seeds=3, folder=in_tmp_path)


def trained(in_tmp_path):
    return len([*in_tmp_path.glob("runs/toy-moons/*")])


def test_resume_trains_the_seeds_that_are_missing(host, quiet, in_tmp_path):
    options = {**quiet, "steps": 3}
    (whole,) = verify(host, "toy-moons", options, seeds=3, folder=in_tmp_path / "whole")
    before = trained(in_tmp_path)
    verify(host, "toy-moons", options, seeds=2, folder=in_tmp_path)
    (resumed,) = verify(host, "toy-moons", options, seeds=3, folder=in_tmp_path, resume=True)
    assert trained(in_tmp_path) == before + 3
    assert recorded(in_tmp_path) == {"steps=3": resumed}
    for record in (whole, resumed):
        assert [run["seed"] for run in record["runs"]] == [0, 1, 2]
    assert [target["values"] for target in resumed["targets"]] == [target["values"] for target in whole["targets"]]
    (again,) = verify(host, "toy-moons", options, seeds=3, folder=in_tmp_path, resume=True)
    assert again == resumed
    assert trained(in_tmp_path) == before + 3, "nothing was left to train"


def test_options_of_the_evaluation_are_not_those_of_training(host, quiet, in_tmp_path, monkeypatch):
    recipe = replace(host.recipe("toy-moons"), evaluation={"data.batch_size": 7})
    monkeypatch.setattr(host, "recipe", lambda name: recipe)
    verify(host, "toy-moons", {**quiet, "steps": 3}, folder=in_tmp_path)
    (record,) = verify(host, "toy-moons", {**quiet, "steps": 3}, seeds=2, folder=in_tmp_path, resume=True)
    assert [run["seed"] for run in record["runs"]] == [0, 1]


def test_resume_after_an_interruption_takes_the_unfinished_record(host, quiet, in_tmp_path):
    options = {**quiet, "steps": 20, "log_every": 5}
    host.manager.register(stopper := StopSeed(2))
    with pytest.raises(UserError, match="2 of 3"):
        verify(host, "toy-moons", options, seeds=3, folder=in_tmp_path)
    host.manager.unregister(stopper)
    (record,) = verify(host, "toy-moons", options, seeds=3, folder=in_tmp_path, resume=True)
    assert recorded(in_tmp_path) == {"steps=20": record}
    assert trained(in_tmp_path) == 3, "the one that was interrupted went on"
    assert [run["steps"] for run in record["runs"]] == [20, 20, 20]
    straight, *_ = verify(host, "toy-moons", options, seeds=3, folder=in_tmp_path / "straight")
    for one, other in zip(record["runs"], straight["runs"], strict=True):
        assert one["metrics"] == other["metrics"]


@pytest.mark.parametrize("change", ["seed", "option", "commit", "finished", "no checkpoint"])
def test_only_the_same_run_goes_on(host, quiet, in_tmp_path, monkeypatch, change):
    config = resolve(host, "toy-moons", [{**quiet, "steps": 20}], "")
    host.manager.register(stopper := StopSeed(0))
    stopped = dlplug.run("toy-moons", {**quiet, "steps": 20, "log_every": 5}, host=host)
    host.manager.unregister(stopper)
    config["log_every"] = 5
    assert begun(host, "toy-moons", config, 0) == stopped.folder
    if change == "option":
        config["data.noise"] = 0.3
    elif change == "commit":
        monkeypatch.setattr("dlplug_commands.verify.begun.versions", lambda ran_on: object())
    elif change == "finished":
        dlplug.resume(stopped.folder, host=host)
    elif change == "no checkpoint":
        shutil.rmtree(stopped.folder / "checkpoints")
    assert begun(host, "toy-moons", config, 1 if change == "seed" else 0) is None


def test_a_seed_keeps_the_commit_it_was_trained_at(host, quiet, in_tmp_path):
    verify(host, "toy-moons", {**quiet, "steps": 3}, folder=in_tmp_path)
    path = in_tmp_path / "toy-moons.json"
    old = recorded(in_tmp_path)
    del old["steps=3"]["runs"][0]["commit"], old["steps=3"]["runs"][0]["date"]  # as records were
    path.write_text(json.dumps(old | {"steps=3": old["steps=3"] | {"commit": "0123456789ab", "date": "2026-01-01"}}))
    (record,) = verify(host, "toy-moons", {**quiet, "steps": 3}, seeds=2, folder=in_tmp_path, resume=True)
    first, second = record["runs"]
    assert (first["commit"], first["date"]) == ("0123456789ab", "2026-01-01")
    assert (second["commit"], second["date"]) == (record["commit"], record["date"])
    row, *_ = rows_of("toy-moons", host.recipe("toy-moons"), recorded(in_tmp_path))
    assert row.commit.split(", ")[0] == "`012345678`"


@pytest.mark.parametrize(
    ("options", "old", "new", "message"),
    [
        ({"seed": 7}, "", "", "holds the seeds 0"),
        ({}, '"data.noise": 0.1', '"data.noise": 0.4', r"--data\.noise 0\.4, now 0\.1"),
        ({}, "test/accuracy", "eval/accuracy", "without test/accuracy"),
    ],
)
def test_resume_does_not_mix_what_differs(host, quiet, in_tmp_path, options, old, new, message):
    verify(host, "toy-moons", {**quiet, "steps": 3}, folder=in_tmp_path)
    path = in_tmp_path / "toy-moons.json"
    path.write_text(path.read_text().replace(old, new))  # as the recipe or its claim was before
    before, runs = path.read_text(), trained(in_tmp_path)
    with pytest.raises(UserError, match=message):
        verify(host, "toy-moons", {**quiet, "steps": 3, **options}, seeds=2, folder=in_tmp_path, resume=True)
    assert (path.read_text(), trained(in_tmp_path)) == (before, runs)
