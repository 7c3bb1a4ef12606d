"""Options of lengths, observers and metrics, and configurations that are read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import complaint, file_of, registering, typed, with_plugins

from dlplug.claims.targets import evaluated as for_evaluation
from dlplug.host.plugins import load_host
from dlplug.options.layers import evaluation_layer, resolve
from dlplug.options.reading import arguments, read_file
from dlplug.recipes import Preset, Recipe, use


class Notes:
    """An observer with an option that may be any text."""

    def __init__(self, *, text: str = "") -> None:
        pass


HOST = load_host([str(Path(__file__).parent / "toys")])
HOST.manager.register(registering(observers={"notes": Notes}), "notes")
HOST = with_plugins(HOST)


# Lengths


def lengths(config):
    return {key: value for key, value in config.items() if key in ("steps", "points", "moves")}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {"steps": 400}),
        ("--points 10k", {"points": 10_000}),
        ("--steps 5", {"steps": 5}),
        ("--steps 5 --points 7", {"points": 7}),
        ("--points 7 --steps 5", {"steps": 5}),
    ],
)
def test_the_length_given_last_wins(host, line, expected):
    assert lengths(typed(line, host)) == expected


def test_a_length_wins_over_one_below_it_in_another_unit(host):
    assert lengths(typed("", host, preset="tiny")) == {"points": 6400}
    assert lengths(typed("--steps 5", host, preset="tiny")) == {"steps": 5}
    assert lengths(typed("", host, preset="tiny", layers=[{"steps": 9}])) == {"steps": 9}


def test_a_length_that_the_new_data_do_not_count(host):
    message = complaint(lambda: typed("--data moons", host, "toy-dqn"))
    assert message.startswith("the length of toy-dqn is in a unit that moons does not count: ")
    assert message.endswith(": give --epochs or --points or --steps")
    message = complaint(lambda: typed("--data ring", host, preset="tiny"))
    assert message == "the length of toy-moons is in a unit that ring does not count: give --steps"
    assert lengths(typed("--data moons --points 5", host, "toy-dqn")) == {"points": 5}
    assert "no option --moves" in complaint(lambda: typed("--data moons --steps 5 --moves 5", host, "toy-dqn"))


# Observers


def test_an_observers_name_stands_for_its_first_option(host):
    assert typed("--console off", host)["console.show"] == "off"
    assert resolve(host, "toy-moons", [{"console": "plain"}])["console.show"] == "plain"
    assert resolve(host, "toy-moons", [read_file(file_of("tensorboard: off"))])["tensorboard.write"] == "off"
    assert typed("--console.show off", host, layers=[{"console": "plain"}])["console.show"] == "off"


def test_an_observer_without_options_has_no_short_name(host):
    assert "has no option --jsonl" in complaint(lambda: typed("--jsonl off", host))


# There and back


@pytest.mark.parametrize("recipe", ["toy-moons", "toy-gan", "toy-ddpm", "toy-lstm", "toy-dqn"])
def test_a_configuration_resolves_to_itself(host, recipe):
    layer = {"seed": 3, "console": "off", "log_every": "1k"}
    config = resolve(host, recipe, [layer])
    text = yaml.safe_dump(config, sort_keys=False)
    assert resolve(host, recipe, [yaml.safe_load(text)]) == config
    assert resolve(host, recipe, [read_file(file_of(text))]) == config


@settings(max_examples=25, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "data": st.sampled_from(["moons", "ring"]),
            "model": st.sampled_from(["mlp-toy", "lstm-toy"]),
            "model.width": st.integers(1, 99),
            "optimizer": st.sampled_from(["adam", "sgd"]),
            "optimizer.learning_rate": st.floats(1e-12, 1e12),
            "optimizer.clip_norm": st.none() | st.floats(1e-9, 1),
            "metrics": st.lists(st.sampled_from(["accuracy-toy", "walk-length"]), unique=True),
            "compile": st.booleans(),
            "device": st.sampled_from(["auto", "cpu", "cuda:1"]),
            "notes.text": st.text("abc:- #'\"yesno", max_size=6),
            "steps": st.integers(0, 10**18),
        },
    ),
    st.sampled_from(["", "tiny"]),
)
def test_any_configuration_resolves_to_itself(layer, preset):
    layer = {"steps": 7} | layer
    config = resolve(HOST, "toy-moons", [layer], preset)
    assert {key: config[key] for key in layer} == layer
    Path("overlay.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    assert resolve(HOST, "toy-moons", [read_file("overlay.yaml")], preset) == config


def test_a_preset_may_choose_another_part(host):
    recipe = Recipe("s", "moons", "1 steps", "none", use("mlp-toy", width=9), presets={
        "other": Preset("another net", {"model": "lstm-toy", "model.width": 3})})  # fmt: skip
    host.manager.register(registering(recipes={"two": recipe}), "more")
    host = with_plugins(host)
    assert resolve(host, "two", [])["model.width"] == 9
    assert resolve(host, "two", [], "other")["model.width"] == 3
    assert typed("--model mlp-toy", host, "two", "other")["model.width"] == 32


# Metrics


@pytest.fixture
def measured(host):
    """toy-moons with two metrics that have options, of which one has a name of the run's own."""

    def top(product, data, *, k: int = 5, tolerance: float = 0.5, steps: int = 1):
        """Top k."""

    def near(product, data, *, tolerance: float = 0.1):
        """Near enough."""

    host.manager.register(registering(metrics={"top-k": top, "near": near, "seed": near}), "more")
    return with_plugins(host)


def test_a_metrics_name_stands_for_its_first_option(measured):
    assert typed("--metrics top-k --top-k 3", measured)["metrics.top-k.k"] == 3
    assert resolve(measured, "toy-moons", [{"metrics": ["top-k"]}, {"top-k": 4}])["metrics.top-k.k"] == 4
    assert resolve(measured, "toy-moons", [read_file(file_of("metrics: top-k\ntop_k: 2"))])["metrics.top-k.k"] == 2
    layers = [{"metrics": ["top-k"], "top-k": 3}, {"metrics.top-k.k": 4}]
    assert resolve(measured, "toy-moons", layers)["metrics.top-k.k"] == 4, "the later layer wins"
    assert resolve(measured, "toy-moons", [*layers[:1], {"top-k": 6}])["metrics.top-k.k"] == 6


def test_a_metric_that_is_not_chosen_has_no_name(measured):
    assert "toy-moons has no option --top-k" in complaint(lambda: typed("--top-k 3", measured))
    assert "toy-moons has no option --near" in complaint(lambda: typed("--metrics top-k --near 3", measured))


def test_the_runs_own_options_come_before_a_metrics_name(measured):
    config = typed("--metrics seed --seed 3", measured)
    assert (config["seed"], config["metrics.seed.tolerance"]) == (3, 0.1)


def test_an_option_given_by_both_its_names(measured):
    message = complaint(lambda: typed("--metrics top-k --top-k 3 --metrics.top-k.k 4", measured))
    assert message == "--top-k and --metrics.top-k.k are the same option: give one of them"


def test_eval_takes_a_metrics_options_without_its_name(measured):
    config = typed("--metrics top-k near", measured)
    layer = evaluation_layer(measured, config, arguments(["--k", "4", "--steps", "9", "--data.noise", "0.2"]))
    assert layer == {"metrics.top-k.k": "4", "steps": "9", "data.noise": "0.2"}
    assert evaluation_layer(measured, config, {"near": 1}) == {"metrics.near.tolerance": 1}
    config = typed("--metrics top-k", measured)
    assert evaluation_layer(measured, config, {"tolerance": 1}) == {"metrics.top-k.tolerance": 1}
    swapped = {"metrics": ["near"], "tolerance": 1}
    assert evaluation_layer(measured, config, swapped) == {"metrics": ["near"], "metrics.near.tolerance": 1}
    assert evaluation_layer(measured, config, {"hidden": 1}) == {"hidden": 1}, "resolving will say what is wrong"
    message = complaint(lambda: typed("--tolerance 1 --metrics top-k", measured))
    assert message == "toy-moons has no option --tolerance. Did you mean --metrics.top-k.tolerance?"


def test_eval_measures_as_the_recipe_says_unless_it_is_told_otherwise(measured, monkeypatch):
    dearer = {"metrics.top-k.k": 7, "metrics.top-k.tolerance": 2, "model.width": 9}
    recipe = replace(measured.recipe("toy-moons"), evaluation=dearer)
    config = typed("--metrics top-k", measured)
    monkeypatch.setattr(measured, "recipe", lambda name: recipe)
    assert for_evaluation(measured, config, {}) == dearer
    assert for_evaluation(measured, config, {"metrics.top-k.k": 4}) == dearer | {"metrics.top-k.k": 4}
    assert for_evaluation(measured, config, {"metrics": "near"}) == {"metrics": "near", "model.width": 9}
    other = {key: value for key, value in config.items() if key != "model.width"}
    assert "model.width" not in for_evaluation(measured, other, {}), "not of a model without it"


def test_an_option_of_two_metrics(measured):
    config = typed("--metrics top-k near", measured)
    message = complaint(lambda: evaluation_layer(measured, config, {"tolerance": 1}))
    assert message == (
        "--tolerance is an option of several metrics: give --metrics.top-k.tolerance or --metrics.near.tolerance"
    )


def test_a_misspelt_option_without_its_part_gets_the_nearest(measured):
    assert "Did you mean --metrics.near.tolerance?" in complaint(
        lambda: typed("--metrics near --tolerence 1", measured)
    )
