"""What a recipe says of a run: its claims, what differs, and a command that gives exactly this configuration."""

from __future__ import annotations

import json
import shlex
import sys

import pytest
import yaml
from dlplug_report.page.facts import Change, facts_of
from dlplug_report.page.model import build
from dlplug_report.page.sections import courses, machine, number, pace, parts, standing, verdicts
from folders import a_run, lines_of

from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.options.reading import arguments
from dlplug.runs.reader import read_run


@pytest.fixture(scope="module")
def host():
    return load_host()


def saved(host, recipe, layer, preset=""):
    """A configuration as a run folder keeps it."""
    config = resolve(host, recipe, [layer], preset)
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}
    return yaml.safe_load(yaml.safe_dump(plain))


@pytest.mark.parametrize(
    ("recipe", "preset", "layer"),
    [
        ("dqn-catch", "", {}),
        ("dqn-catch", "", {"seed": 3, "frames": 500, "model.dueling": True, "loss.bootstrap": "greedy"}),
        ("dqn-atari", "gpu", {"data.game": "breakout", "graph": False, "optimizer.clip_norm": 2.5}),
        ("c51-mini", "", {"loss": "qr-dqn", "optimizer.learning_rate": 3e-4, "metrics.episodes.count": 7}),
        ("digits", "", {"metrics": ["classification"], "steps": 50, "wandb.mode": "off", "threads": 1}),
        ("wgan-gp-8gaussians", "", {"optimizer.critic.learning_rate": 0.003}),
        ("mlp-digits", "", {"optimizer": "adam"}),
    ],
)
def test_the_command_gives_this_configuration_again(tmp_path, host, recipe, preset, layer):
    config = saved(host, recipe, layer, preset)
    facts = facts_of(host, read_run(a_run(tmp_path / "a run", config, seed=config["seed"])))
    verb, *words = shlex.split(facts.command)[1:]
    assert verb == "run"
    given = arguments([word for word in words[1:] if word not in ("--preset", preset)])
    assert words[0] == recipe
    assert without_watching(saved(host, recipe, given, preset)) == without_watching(config)
    assert len(given) <= len(layer) + 1, "only what differs is in the command"
    assert facts.missing == ""


def without_watching(config):
    return {
        key: value for key, value in config.items() if key.partition(".")[0] not in ("console", "tensorboard", "wandb")
    }


def test_changes_name_the_recipes_value_and_this_one(tmp_path, host):
    config = saved(host, "dqn-catch", {"loss.bootstrap": "greedy", "console.seconds": 3.0})
    facts = facts_of(host, read_run(a_run(tmp_path / "a", config)))
    usual = saved(host, "dqn-catch", {})["loss.bootstrap"]
    assert facts.changes == [Change("loss.bootstrap", usual, "greedy")]


def test_the_targets_are_those_that_stand_for_such_a_run(tmp_path, host):
    pong = facts_of(host, read_run(a_run(tmp_path / "a", saved(host, "dqn-atari", {"data.game": "pong"}, "paper"))))
    other = facts_of(host, read_run(a_run(tmp_path / "b", saved(host, "dqn-atari", {"data.game": "boxing"}, "paper"))))
    assert [target.metric for target in pong.targets] == ["test/return"]
    assert other.targets == []


def test_a_recipe_that_is_not_here_is_said_and_the_folder_reproduces_it(tmp_path, host):
    folder = a_run(tmp_path / "a run", {"recipe": "of-another-plugin"})
    facts = facts_of(host, read_run(folder))
    assert facts.missing.startswith("the recipe could not be asked: unknown recipe 'of-another-plugin'")
    assert shlex.split(facts.command) == ["dlplug", "run", "of-another-plugin", "--config", str(folder / "config.yaml")]


def test_a_verdict_is_given_of_finished_runs_only(tmp_path, host):
    config = saved(host, "dqn-catch", {})
    for value, status, reached in ((1.0, "finished", True), (0.9, "finished", False), (1.0, "failed", None)):
        folder = a_run(tmp_path / f"{value}-{status}", config, status=status, metrics={"test/return": value})
        [verdict] = verdicts(build([folder], host).views[0])
        assert (verdict.claim, verdict.value, verdict.reached) == ("test/return ≥ 1", number(value), reached)
    [verdict] = verdicts(build([a_run(tmp_path / "none", config)], host).views[0])
    assert (verdict.value, verdict.reached) == ("", None)
    assert verdict.reason == f"not measured: `dlplug eval {tmp_path / 'none'}` does"


def test_what_eval_measured_is_judged_where_it_measured_as_the_recipe_says(tmp_path, host):
    config = saved(host, "dqn-catch", {})
    for given, reached, why in (
        ({}, True, ""),
        ({"device": "cpu"}, True, ""),
        ({"metrics.episodes.count": 3, "device": "cpu"}, None, "measured with --metrics.episodes.count 3 --device cpu"),
    ):
        folder = a_run(tmp_path / f"{len(given)}", config, metrics={"test/return": 0.5, "train/loss": 2.0})
        told = {"metrics": {"test/return": 1.0}, "protocol": "100 games", "step": 9, "options": given}
        (folder / "evaluation.json").write_text(json.dumps(told))
        [verdict] = verdicts(build([folder], host).views[0])
        assert (verdict.value, verdict.reached, verdict.reason, verdict.measured) == ("1", reached, why, "100 games")
    (folder / "evaluation.json").write_text("{")
    record = read_run(folder)
    assert record.final["test/return"] == 0.5
    assert record.notes == ["evaluation.json is damaged and was left out"]


def test_a_run_on_other_data_is_not_judged_by_the_recipes_bar(tmp_path, host):
    assert not host.recipe("mlp-digits").targets[0].where
    for name, layer, judged in (
        ("same", {"seed": 4}, True),
        ("other", {"data": "two-moons"}, None),
        ("learnt otherwise", {"data.batch_size": 16}, True),
        ("fewer", {"metrics": ["share-right"]}, True),
    ):
        folder = a_run(tmp_path / name, saved(host, "mlp-digits", layer), metrics={"test/accuracy": 0.99})
        [verdict] = verdicts(build([folder], host).views[0])
        assert (verdict.value, verdict.reached, verdict.reason) == (
            "0.99",
            judged,
            "" if judged else "other data or metrics",
        )


def test_the_sections_of_a_run(tmp_path, host):
    config = saved(host, "wgan-gp-8gaussians", {})
    view = build([a_run(tmp_path / "a", config, lines=lines_of(5), status="interrupted")], host).views[0]
    told = dict(parts(view))
    assert told["optimizer"] == "critic adam, generator adam"
    assert told["model"] == f"{config['model']}: 1,234 parameters"
    assert dict(pace(view.record)) == {"training took": "5 s", "steps": "50, 10 a second"}
    assert dict(machine(view.record)) == {"device": "cpu with 1 thread, fp32", "Python": "3.11.7"}
    assert standing(view.record) == f"interrupted after 50 steps; `dlplug resume {view.record.folder}` continues it"
    assert courses(view.record)[1] == ("train/return", "10", "10", "50", "50")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        (3.0, "3"),
        (0.123456, "0.1235"),
        (11999.4, "11,999"),
        (1e-7, "1e-07"),
        (1e20, "1e+20"),
        (-2.5, "-2.5"),
    ],
)
def test_numbers_have_four_digits_or_all_before_the_point(value, words):
    assert number(value) == words


def test_reading_and_asking_recipes_imports_no_torch(tmp_path):
    import subprocess

    folder = a_run(tmp_path / "a", {"recipe": "dqn-catch"}, lines=lines_of(3))
    code = f"""import sys
from dlplug.cli.main import main
assert main(["report", {str(folder)!r}]) == 0
print("torch" in sys.modules, "bokeh" in sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"


def test_a_bar_is_drawn_only_where_all_runs_have_it(tmp_path, host):
    def run(name, recipe, value):
        return a_run(tmp_path / name, saved(host, recipe, {}), lines=lines_of(3), metrics={"test/return": value})

    same = build([run("a", "dqn-catch", 0.5), run("b", "dqn-catch", 0.9)], host)
    assert same.claim is not None
    assert same.claim.bar == 1
    mixed = build([run("c", "dqn-catch", 0.5), run("d", "dqn-cartpole", 500.0)], host)
    assert mixed.claim is None
    assert mixed.sorted
    digits = a_run(tmp_path / "f", saved(host, "mlp-digits", {}), lines=lines_of(3), metrics={"val/accuracy": 0.9})
    assert build([tmp_path / "a", tmp_path / "b", digits], host).claim is None
    assert build([digits], host).measured[0] == "val/accuracy"
    assert [group.runs[0].record.recipe for group in mixed.groups] == ["dqn-cartpole", "dqn-catch"]
    unmeasured = build([a_run(tmp_path / "e", saved(host, "dqn-catch", {}), lines=lines_of(3))], host)
    assert not unmeasured.sorted
    assert unmeasured.measured == ["train/return"]
