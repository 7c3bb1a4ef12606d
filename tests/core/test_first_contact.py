"""What a stranger reads first, and what is suggested for what other programs call it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from layers import complaint

from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.output import command

HOST = load_host(["no:wandb"])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("lr", "Did you mean --optimizer.learning-rate?"),
        ("learning-rate", "Did you mean --optimizer.learning-rate?"),
        ("optimizer.lr", "Did you mean --optimizer.learning-rate?"),
        ("batch-size", "Did you mean --data.batch-size?"),
        ("bs", "Did you mean --data.batch-size?"),
        ("num-epochs", "A length is given as --epochs or --images or --steps."),
        ("max-steps", "A length is given as --epochs or --images or --steps."),
        ("wd", "Did you mean --optimizer.weight-decay?"),
        ("momentum", "Did you mean --optimizer.momentum?"),
        ("dropout", "Did you mean --model.dropout?"),
        ("hidden", "Did you mean --model.width?"),
        ("gamma", f"Its options: {command('run', 'digits', '--help')}."),
        ("n-envs", f"Its options: {command('run', 'digits', '--help')}."),
        ("gpu", "Did you mean --device?"),
        ("learning_rat", "Did you mean --optimizer.learning-rate?"),
    ],
)
def test_the_names_of_other_programs_lead_to_ours(option, said):
    assert complaint(lambda: resolve(HOST, "digits", [{option: "3"}])).endswith(
        f" --{option.replace('_', '-')}. {said}"
    )


@pytest.mark.parametrize(
    ("recipe", "option", "said"),
    [
        ("gan-fashion", "lr", "Did you mean --optimizer.critic.learning-rate or --optimizer.generator.learning-rate?"),
        ("gan-fashion", "optimizer.critic.lr", "Did you mean --optimizer.critic.learning-rate?"),
        ("translate-dates", "batch-size", "Did you mean --data.batch-size?"),
        ("mlp-moons", "momentum", "--optimizer rmsprop or sgd has it, adam has not."),
        ("cifar10-resnet", "dropout", f"Its options: {command('run', 'cifar10-resnet', '--help')}."),
        ("char-lstm", "hidden", "Did you mean --model.units?"),
        ("dqn-cartpole", "gamma", "Did you mean --data.gamma?"),
        ("dqn-cartpole", "n-envs", "Did you mean --data.environments?"),
        ("dqn-cartpole", "total-timesteps", "A length is given as --frames or --steps."),
        ("dqn-cartpole", "epochs", "A length is given as --frames or --steps."),
        ("sb3-ppo-atari", "lr", "Did you mean --model.learning-rate?"),
        ("pqn-atari", "batch-size", "Did you mean --data.minibatches?"),
    ],
)
def test_they_lead_to_the_option_of_the_recipe_at_hand(recipe, option, said):
    assert complaint(lambda: resolve(HOST, recipe, [{option: "3"}])).endswith(f" --{option}. {said}")


def test_what_is_suggested_for_a_momentum_names_every_optimizer_that_has_it():
    said = complaint(lambda: resolve(HOST, "optimizer-race", [{"momentum": "0.9"}]))
    racers = ("descent", "sgd", "momentum", "too-small", "too-large")
    assert said.endswith(f"Did you mean {' or '.join(f'--optimizer.{racer}.momentum' for racer in racers)}?")


def test_every_option_of_an_optimizer_has_help():
    for entry in HOST.entries("optimizers"):
        assert [option.name for option in entry.signature().options if not option.help] == [], entry.name


def test_the_help_of_an_optimizers_options_says_where_their_defaults_come_from(cli):
    said = " ".join(cli("run", "mlp-moons", "--help").out.replace("│", " ").split())
    assert "step size α. 0.001 is the paper's default; above 0 (default: 0.01)" in said
    for entry in HOST.entries("optimizers"):
        if entry.plugin.name == "core":
            bare = [o.name for o in entry.signature().options if type(o.default) in (int, float)
                    and not any(origin in o.help for origin in ("torch", "paper", "Adam"))]  # fmt: skip
            assert bare == [], entry.name


def test_run_without_a_recipe_suggests_one_that_takes_seconds(cli):
    suggested = cli("run").err.rpartition("dlplug run ")[2].strip().rstrip("`")
    row = next(row for row in cli("list", "--json").json if row["name"] == suggested)
    assert (row["needs"], row["gpu"], row["cpu_seconds"] < 30) == ("", False, True)


def test_list_begins_with_what_is_simple(cli):
    rows = [row for row in cli("list", "--json").json if row["plugin"] != "toys"]
    assert rows[0]["name"] == "linear-regression"
    for one, other in pairwise(rows):
        assert one["plugin"] != other["plugin"] or one["level"] <= other["level"]
    plugins = list(dict.fromkeys(row["plugin"] for row in rows))
    assert [name for name in plugins if name in ("basics", "vision", "rl")] == ["basics", "vision", "rl"]
    shown = [line.split()[0] for line in cli("list").out.splitlines() if line[:3].strip() and line[:2] == "  "]
    assert shown == [row["name"] for row in rows]


LEVELS = """
from dlplug import Preset, Recipe, Target, hookimpl

def recipe(**more):
    return Recipe(summary="a summary", data="x", length="3 steps", source="none", **more)

bar = Target("test/accuracy", "all", at_least=0.5)
smaller, whole = Preset("smaller", {}, minutes=3), Preset("whole", {}, [bar])

@hookimpl
def register_recipes():
    return {
        "z-last": recipe(level=4, presets={"cpu": smaller, "gpu": whole}),
        "y-second": recipe(minutes=200),
        "x-third": recipe(presets={"cpu": whole, "gpu": whole}),
        "w-first": recipe(level=1, minutes=1.5),
    }
"""


def test_a_plugins_own_levels_and_times_are_listed(cli, in_tmp_path, monkeypatch):
    monkeypatch.setenv("DLPLUG_PLUGINS", "commands")
    Path("levels.py").write_text(LEVELS)
    rows = cli("-p", "levels.py", "list", "--json").json
    told = [(row["name"], row["level"], row["gpu"], row["cpu_seconds"]) for row in rows]
    assert told == [
        ("w-first", 1, False, 90.0),
        ("y-second", 3, False, 12000.0),
        ("x-third", 3, False, None),
        ("z-last", 4, True, 180.0),
    ]
    said = [" ".join(line.split()) for line in cli("-p", "levels.py", "list").out.splitlines()]
    assert said[1:5] == [
        "w-first 2 min a summary",
        "y-second 3 h a summary",
        "x-third a summary",
        "z-last GPU a summary (smaller on a CPU: 3 min)",
    ]


def test_the_time_of_a_recipe_is_that_of_its_own_record(cli):
    """Not of a shorter one under other options: mnist-adversarial has such a record."""
    seconds = {row["name"]: row["cpu_seconds"] for row in cli("list", "--json").json}
    assert 1 < seconds["digits"] < 30
    assert seconds["mnist-adversarial"] > 120
    assert seconds["mlp-moons"], "declared, for nothing is recorded"


CHATTY = """
import logging
from dlplug import *
from dlplug.recipes import *

def loud(*, seed: int):
    'Says something while it is built.'
    logging.getLogger("dlplug").info("three emulators are warm")
    return load_host([TOYS]).get("data", "copy-three").load()(seed=seed)

from dlplug.host.plugins import load_host
import dataclasses

@hookimpl
def register_data(): return {"loud": loud}

@hookimpl
def register_recipes(): return {"loud-lstm": dataclasses.replace(load_host([TOYS]).recipe("toy-lstm"), data="loud")}
"""


def test_the_recipes_name_comes_first(cli, toys, in_tmp_path):
    (in_tmp_path / "loud.py").write_text(CHATTY.replace("TOYS", repr(toys)))
    line = ("run", "loud-lstm", "--steps", "2", "--device", "cpu", "--tensorboard", "off", "-p", "no:wandb")
    lines = cli("-p", toys, "-p", "loud.py", *line).out.splitlines()
    assert lines[0] == "loud-lstm, seed 0"
    assert lines[1] == "three emulators are warm"
    assert sum(line == "loud-lstm, seed 0" for line in lines) == 1
