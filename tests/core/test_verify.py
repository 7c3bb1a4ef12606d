"""`dlplug verify` trains, evaluates by the protocol and records every seed, whatever came out."""

import json
import re
import shutil
from dataclasses import replace
from math import inf

import pytest
from dlplug_commands.verify.seeds import verify
from dlplug_commands.verify.tables import rows_of

from dlplug import UserError
from dlplug.claims.records import results_folder
from dlplug.recipes import Target
from dlplug.runs.folder import read_config


def recorded(folder, recipe="toy-moons"):
    return json.loads((folder / f"{recipe}.json").read_text())


def test_every_seed_is_recorded_and_the_mean_compared(host, quiet, in_tmp_path):
    (record,) = verify(host, "toy-moons", {**quiet, "steps": 150}, seeds=2, folder=in_tmp_path / "results")
    (target,) = record["targets"]
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert target["values"] == [run["metrics"]["test/accuracy"] for run in record["runs"]]
    assert target["mean"] == pytest.approx(sum(target["values"]) / 2)
    assert record["reached"] == (target["mean"] - target["half_width"] >= 0.9)
    assert recorded(in_tmp_path / "results") == {"steps=150": record}


def test_the_record_holds_the_configuration_that_every_seed_shares(host, quiet, in_tmp_path):
    (record,) = verify(host, "toy-moons", {**quiet, "steps": 3, "model.width": 5}, folder=in_tmp_path)
    (folder,) = (in_tmp_path / "runs" / "toy-moons").iterdir()
    saved = read_config(folder)
    assert record["config"].items() <= saved.items()
    assert record["config"]["model.width"] == 5
    left_out = {key.partition(".")[0] for key in saved.keys() - record["config"].keys()}
    assert left_out == {"recipe", "preset", "seed", *host.names("observers")} - {"jsonl"}


def test_a_record_without_a_bar_is_named_by_what_was_learnt_not_by_who_watched(host, quiet, in_tmp_path, monkeypatch):
    wide = Target("test/accuracy", "test split", "none", at_least=0.9, where={"model.width": 99})
    recipe = replace(host.recipe("toy-moons"), targets=[wide])
    monkeypatch.setattr(host, "recipe", lambda name: recipe)
    verify(host, "toy-moons", {**quiet, "device": "cpu", "steps": 5}, folder=in_tmp_path)
    assert list(recorded(in_tmp_path)) == ["steps=5"]


def test_a_target_that_is_not_reached_is_said_and_recorded(host, quiet, in_tmp_path):
    (record,) = verify(host, "toy-moons", {**quiet, "steps": 1}, folder=in_tmp_path)
    assert record["reached"] is False
    assert recorded(in_tmp_path)["steps=1"]["reached"] is False


def test_a_number_that_is_only_compared_is_recorded_and_tells_which_way_is_better(
    host, quiet, in_tmp_path, monkeypatch, capsys
):
    compared = Target("test/accuracy", "the last split", at_least=-inf)
    recipe = replace(host.recipe("toy-moons"), targets=[compared])
    monkeypatch.setattr(host, "recipe", lambda name: recipe)
    (record,) = verify(host, "toy-moons", {**quiet, "steps": 20}, folder=in_tmp_path)
    (target,) = record["targets"]
    assert target["target"] == "test/accuracy, higher is better (the last split)"
    assert (target["reached"], record["reached"]) == (None, None)
    assert target["values"] == [record["runs"][0]["metrics"]["test/accuracy"]]
    assert "target" not in capsys.readouterr().err
    (checkpoint,) = in_tmp_path.glob("runs/toy-moons/*/checkpoints/best-*")
    assert checkpoint.is_dir()
    row, *_ = rows_of("toy-moons", recipe, recorded(in_tmp_path), {"wandb", "console", "tensorboard"})
    assert not row.states
    assert row.reached == f"{target['mean']:.4g} (1 seed, no interval)"


def test_presets_stand_side_by_side_with_their_own_targets(host, quiet, in_tmp_path):
    verify(host, "toy-moons", {**quiet, "steps": 20}, folder=in_tmp_path)
    (record,) = verify(host, "toy-moons", {**quiet, "points": 640}, preset="tiny", folder=in_tmp_path)
    assert "0.8" in record["targets"][0]["target"]
    assert set(recorded(in_tmp_path)) == {"steps=20", "tiny points=640"}


def test_a_recipe_without_a_target_cannot_be_verified(host, quiet, in_tmp_path):
    with pytest.raises(UserError, match="states no target"):
        verify(host, "toy-lstm", quiet)


def test_results_lie_beside_the_plugin(host):
    assert results_folder(host, "dqn-atari").parts[-3:] == ("plugins", "rl", "results")


# Each of several values


def test_each_value_has_a_record_and_only_the_recipes_own_a_bar(host, quiet, in_tmp_path):
    each = [{"data.noise": "0.1"}, {"data.noise": "0.4"}]
    own, other = verify(host, "toy-moons", {**quiet, "steps": 5}, each, seeds=2, folder=in_tmp_path)
    assert recorded(in_tmp_path) == {"steps=5": own, "steps=5 data.noise=0.4": other}
    assert (own["config"]["data.noise"], other["config"]["data.noise"]) == (0.1, 0.4)
    assert own["reached"] is False
    assert other["reached"] is None
    (bar,), (none,) = own["targets"], other["targets"]
    assert none["target"] == "test/accuracy: no target is stated for data.noise=0.4"
    assert bar.keys() == none.keys()
    assert none["values"] == [run["metrics"]["test/accuracy"] for run in other["runs"]]
    assert none["mean"] == pytest.approx(sum(none["values"]) / 2)
    assert [run["seed"] for run in other["runs"]] == [0, 1]


def test_each_under_a_preset(host, quiet, in_tmp_path):
    each = [{"model.width": "4"}, {"model.width": "5"}]
    verify(host, "toy-moons", {**quiet, "points": 64}, each, preset="tiny", folder=in_tmp_path)
    assert list(recorded(in_tmp_path)) == ["tiny points=64", "tiny points=64 model.width=5"]


@pytest.mark.parametrize(
    ("each", "message"),
    [
        ([{"model.width": "4"}, {"model.width": "wide"}], "--model.width: expected a whole number"),
        ([{"model.width": "4"}, {"model.widht": "5"}], "Did you mean --model.width"),
        ([{"model.width": "1e1"}, {"model.width": "10"}], "model.width=10 is given twice"),
        ([{"model.width": "4"}, {"data.noise": "0.2"}], "--data.noise is given twice: once for all, once for each"),
        ([{"seed": "4"}, {"seed": "5"}], "--seed is given twice"),
    ],
)
def test_what_is_wrong_with_a_later_value_is_said_before_the_first_is_trained(host, quiet, in_tmp_path, each, message):
    with pytest.raises(UserError, match=message):
        verify(host, "toy-moons", {**quiet, "steps": 3, "data.noise": 0.1}, each, folder=in_tmp_path)
    assert not (in_tmp_path / "runs").exists()
    assert not (in_tmp_path / "toy-moons.json").exists()


def test_data_that_cannot_be_had_are_said_before_the_first_is_trained(host, quiet, in_tmp_path):
    with pytest.raises(ValueError, match="batch_size must be between 1 and the -1"):
        verify(host, "toy-moons", {**quiet, "steps": 3}, [{"data.size": "64"}, {"data.size": "-1"}], folder=in_tmp_path)
    assert not (in_tmp_path / "runs").exists()


# As a person types it


def test_verify_as_a_person_would(cli, toys, in_tmp_path):
    line = "verify toy-moons --each data.noise=0.1,0.4 --seeds 2 --steps 3 --console off --tensorboard off --device cpu"
    said = cli("-p", toys, *line.split(), "-p", "no:wandb")
    assert said.code == 1, "the target is not reached"
    reached, without = [text for text in said.out.splitlines() if text.startswith("test/accuracy")]
    assert re.search(r"\): [\d.]+ ± [\d.e-]+ \(2 seeds\) of [\d.]+, [\d.]+: not reached$", reached)
    assert without.startswith("test/accuracy: no target is stated for data.noise=0.4: 0.")
    said = cli("-p", toys, *line.split(), "-p", "no:wandb", "--json")
    assert [record["config"]["data.noise"] for record in said.json] == [0.1, 0.4]
    single = line.replace("--each data.noise=0.1,0.4", "--each data.noise=0.4")
    said = cli("-p", toys, *single.split(), "-p", "no:wandb", "--json")
    assert (said.code, len(said.json)) == (0, 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--each model.width", "--each expects OPTION=VALUE,VALUE such as data.game=pong,breakout, got 'model.width'"),
        ("--each =4,5", "got '=4,5'"),
        ("--each model.width=,", "got 'model.width=,'"),
        ("--games ,", "got ','"),
        ("--games pong --each model.width=4", "--games pong is --each data.game=pong: give --each alone"),
        ("--games pong,breakout", "toy-moons has no option --data.game"),
    ],
)
def test_what_each_is_not(cli, toys, line, message):
    said = cli("-p", toys, "verify", "toy-moons", *line.split(), "-p", "no:wandb")
    assert said.code == 2
    assert message in said.err


# Targets that say where they hold


@pytest.fixture
def bars(host, monkeypatch):
    """The toy with two claims, each about another width."""
    claims = [
        Target("test/accuracy", f"width {width}", "a test", at_least=bar, where={"model.width": width})
        for width, bar in ((4, 0.1), (8, 2.0))
    ]
    toy = replace(host.recipe("toy-moons"), targets=claims)
    monkeypatch.setattr(host, "recipe", lambda name: toy)


def test_only_the_target_that_holds_for_a_value_is_compared(host, quiet, in_tmp_path, bars):
    each = [{"model.width": width} for width in (4, 8, 6)]
    four, eight, six = verify(host, "toy-moons", {**quiet, "steps": 2}, each, folder=in_tmp_path)
    assert [record["state"] for record in (four, eight, six)] == ["mean only", "not reached", None]
    assert [record["reached"] for record in (four, eight, six)] == [False, False, None]
    assert "width 4" in four["targets"][0]["target"]
    assert "no target is stated for model.width=6" in six["targets"][0]["target"]


def test_a_run_of_other_options_does_not_take_the_place_of_the_recipe_s_own_record(host, quiet, in_tmp_path, bars):
    verify(host, "toy-moons", {**quiet, "steps": 2, "model.width": 4}, folder=in_tmp_path)
    verify(host, "toy-moons", {**quiet, "steps": 2, "model.width": 6}, folder=in_tmp_path)
    assert len(recorded(in_tmp_path)) == 2


# Where the records go


@pytest.fixture
def project(toys, in_tmp_path):
    """The toy plugin as a project of its own, which has recorded three seeds."""
    (in_tmp_path / "project" / "results").mkdir(parents=True)
    (in_tmp_path / "project" / "pyproject.toml").write_text("")
    shutil.copytree(toys, in_tmp_path / "project" / "toys")
    theirs = in_tmp_path / "project" / "results" / "toy-moons.json"
    theirs.write_text(json.dumps({"default": {"runs": [{}, {}, {}]}}))
    return theirs


QUIET = ["--console", "off", "--tensorboard", "off", "--device", "cpu", "-p", "no:wandb"]


def test_what_a_user_verifies_leaves_the_projects_record_alone(cli, project, in_tmp_path):
    before = project.read_text()
    said = cli("-p", "project/toys", "verify", "toy-moons", "--points", "64", "--threads", "1", *QUIET)
    assert said.code == 1, "the target is not reached"
    assert project.read_text() == before
    assert "recorded in verified/toy-moons.json" in said.out
    assert list(recorded(in_tmp_path / "verified")) == ["points=64"]


def test_record_is_the_maintainers_way_and_never_leaves_fewer_seeds(cli, project):
    before = project.read_text()
    line = ["-p", "project/toys", "verify", "toy-moons", "--record", *QUIET]
    said = cli(*line, "--seeds", "2")
    assert (said.code, said.out, project.read_text()) == (2, "", before)
    assert "holds 3 seeds of 'default': give --seeds 3 or more" in said.err
    assert cli(*line, "--points", "64").code == 1
    assert list(recorded(project.parent)) == ["default", "points=64"]


def test_a_damaged_record_is_said_before_anything_is_trained(host, quiet, in_tmp_path):
    (in_tmp_path / "toy-moons.json").write_text('{"default": ')
    with pytest.raises(UserError, match=r"toy-moons\.json is damaged"):
        verify(host, "toy-moons", {**quiet, "steps": 3}, folder=in_tmp_path)
    assert not (in_tmp_path / "runs").exists()


# A claim is about what it was stated for


def test_a_recipes_bar_is_not_that_of_other_data(host, quiet, in_tmp_path):
    (record,) = verify(host, "toy-moons", {**quiet, "steps": 2, "data.noise": 0.4}, folder=in_tmp_path)
    assert record["reached"] is None
    assert record["targets"][0]["target"] == "test/accuracy: no target is stated for data.noise=0.4"


@pytest.mark.parametrize("options", [{"model.width": 5}, {"data.batch_size": 16}, {"optimizer.learning_rate": 0.3}])
def test_how_it_is_learnt_is_free(host, quiet, in_tmp_path, options):
    (record,) = verify(host, "toy-moons", {**quiet, "steps": 2, **options}, folder=in_tmp_path)
    assert record["reached"] is False


def test_a_first_seed_is_written_like_any_number(host, quiet, in_tmp_path):
    (record,) = verify(host, "toy-moons", {**quiet, "steps": 1, "seed": "1e3"}, folder=in_tmp_path)
    assert [run["seed"] for run in record["runs"]] == [1000]
