"""From layers to a configuration: who wins, what is understood, and what is said of what is not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dlplug.errors import UserError
from dlplug.hookspecs import hookimpl
from dlplug.listing import print_options
from dlplug.options import arguments, for_measuring, read_file, resolve
from dlplug.plugins import load_host
from dlplug.recipes import Preset, Recipe, use
from dlplug.runner import for_evaluation

HOST = load_host([str(Path(__file__).parent / "toys.py")])


def typed(line: str, host, recipe: str = "toy-moons", preset: str = "", layers=()):
    """The configuration that a command line gives."""
    return resolve(host, recipe, [*layers, arguments(line.split())], preset)


def registering(**kinds):
    """A plugin object whose hooks return these mappings."""

    class More:
        pass

    for kind, names in kinds.items():
        setattr(More, f"register_{kind}", staticmethod(hookimpl(lambda names=names: names)))
    return More()


def with_plugins(host):
    """The host built anew over its manager, with what has been registered since."""
    from dlplug.plugins import Host, Plugin

    known = {plugin.name for plugin in host.plugins}
    added = [(name, module) for name, module in host.manager.list_name_plugin() if name not in known]
    plugins = [*host.plugins, *(Plugin(name, name, "", "", module) for name, module in added)]
    return Host(host.manager, plugins, strict=True)


def complaint(call) -> str:
    with pytest.raises(UserError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def file_of(text: str) -> str:
    Path("overlay.yaml").write_text(text, encoding="utf-8")
    return "overlay.yaml"


# Who wins


def test_each_layer_wins_over_the_one_below(host):
    layer = read_file(file_of("model.width: 5\nmodel.dropout: 0.5"))
    assert resolve(host, "toy-moons", [])["model.width"] == 32
    assert resolve(host, "toy-moons", [], "tiny")["model.width"] == 4
    over = typed("--model.width 6", host, preset="tiny", layers=[layer])
    assert resolve(host, "toy-moons", [layer], "tiny")["model.width"] == 5
    assert (over["model.width"], over["model.dropout"], over["points"]) == (6, 0.5, 6400)
    assert over["recipe"] == "toy-moons"
    assert over["preset"] == "tiny"


def test_a_recipes_options_win_over_a_factorys_defaults(host):
    assert resolve(host, "toy-moons", [])["optimizer.learning_rate"] == 0.01
    assert resolve(host, "toy-moons", [])["threads"] == 1


def test_nested_and_flat_files_are_one(host):
    nested = read_file(file_of("data: {use: moons, size: 10}\nmodel:\n  width: 3\noptimizer: {learning-rate: 1e-2}"))
    flat = read_file(file_of("data: moons\ndata.size: 10\nmodel.width: 3\noptimizer.learning_rate: 0.01"))
    assert resolve(host, "toy-moons", [nested]) == resolve(host, "toy-moons", [flat])
    assert resolve(host, "toy-moons", [nested])["data.size"] == 10


def test_an_unknown_preset_names_those_there_are(host):
    assert complaint(lambda: typed("", host, preset="huge")) == "recipe toy-moons has no preset 'huge'; it has: tiny"
    assert complaint(lambda: typed("", host, "toy-gan", "huge")).endswith("it has: none")


# Files


def test_words_of_yaml_1_1_keep_their_meaning(host):
    """PyYAML reads 1e6 as text, and yes, no, on and off as true and false: `console.show: off` must stay a word."""
    overlay = "steps: 1e3\ndata.size: 1_000\noptimizer.epsilon: 1e-4\nconsole.show: off\ncompile: yes\ngraph: false"
    config = resolve(host, "toy-moons", [read_file(file_of(overlay))])
    expected = {"steps": 1000, "data.size": 1000, "optimizer.epsilon": 1e-4, "console.show": "off"}
    assert {key: config[key] for key in expected} == expected
    assert config["compile"] is True
    assert config["graph"] is False


def test_null_in_a_file_is_none(host):
    layers = [{"optimizer.clip-norm": 2.0}, read_file(file_of("optimizer.clip-norm: null"))]
    assert resolve(host, "toy-moons", layers[:1])["optimizer.clip_norm"] == 2.0
    assert resolve(host, "toy-moons", layers)["optimizer.clip_norm"] is None
    overlay = read_file(file_of("model.width: null"))
    assert complaint(lambda: resolve(host, "toy-moons", [overlay])) == "--model.width needs a value"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "expected option: value lines, got list"),
        ("", "expected option: value lines, got NoneType"),
        ("a: [1", "not readable as YAML"),
        ("a: 1\n\tb: 2", "not readable as YAML"),
    ],
)
def test_a_file_that_is_no_overlay(text, message):
    assert message in complaint(lambda: read_file(file_of(text)))


def test_a_file_that_is_not_there(tmp_path):
    assert complaint(lambda: read_file("nowhere.yaml")) == "--config nowhere.yaml: no such file"
    assert "not readable as YAML" in complaint(lambda: read_file(str(tmp_path)))
    Path("binary.yaml").write_bytes(b"\xff\xfe\x00\x80")
    assert "not readable as YAML" in complaint(lambda: read_file("binary.yaml"))


# The command line


def test_ways_to_write_an_option():
    line = ["--data.game", "pong", "--steps=10k", "--compile", "--no-graph", "--data.no-clip", "--loss.double-q"]
    assert arguments(line) == {
        "data.game": "pong",
        "steps": "10k",
        "compile": True,
        "graph": False,
        "data.clip": False,
        "loss.double_q": True,
    }
    assert arguments(["--a", "-1", "--b", "-1e-3", "--c=-x", "--d=", "--e=x=y", "--f", "a b"]) == {
        "a": "-1", "b": "-1e-3", "c": "-x", "d": "", "e": "x=y", "f": "a b"
    }  # fmt: skip
    assert arguments(["--metrics", "one", "two"]) == {"metrics": ["one", "two"]}


def test_negative_numbers_and_strings_with_a_dash_reach_the_option(host):
    assert typed("--data.noise -0.5 --seed -3", host)["data.noise"] == -0.5
    assert typed("--data.noise=-1e-3", host)["data.noise"] == -1e-3
    assert typed("--seed -3", host)["seed"] == -3
    assert typed("--device -cpu", host)["device"] == "-cpu"


def test_a_flag_and_its_no(host):
    assert typed("--compile", host)["compile"] is True
    assert typed("--no-compile", host)["compile"] is False
    assert typed("--compile false", host)["compile"] is False
    assert typed("--compile=True", host)["compile"] is True


@pytest.mark.parametrize(
    "line", ["--seed 1 --seed 2", "--log-every 1 --log_every=2", "--compile --no-compile", "--compile yes --no-compile"]
)
def test_an_option_given_twice(line):
    assert "is given twice" in complaint(lambda: arguments(line.split()))


@pytest.mark.parametrize("line", ["--recipe toy-gan", "--preset tiny"])
def test_what_is_no_option_of_a_recipe(line):
    assert "has no place" in complaint(lambda: arguments(line.split()))


def test_a_word_before_any_option():
    assert complaint(lambda: arguments(["pong"])) == "unexpected 'pong'; options look like --loss.gamma 0.99"


# What is wrong with it


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--model.widht 3", "toy-moons has no option --model.widht. Did you mean --model.width"),
        ("--width 3", "toy-moons has no option --width. Did you mean --model.width?"),
        ("--learning-rate 3", "toy-moons has no option --learning-rate. Did you mean --optimizer.learning-rate?"),
        ("--data.learning-rate 3", "Did you mean --optimizer.learning-rate?"),
        ("--frames 3", "toy-moons has no option --frames."),
        ("--model.width wide", "--model.width: expected a whole number such as 1000, 1e3 or 10k, got 'wide'"),
        ("--model.width 1.5", "got '1.5'"),
        ("--model.width", "got 'True'"),
        ("--model.width 3 4", "--model.width takes one value, got 2: 3 4"),
        ("--model.dropout high", "--model.dropout: could not convert string to float: 'high'"),
        ("--compile maybe", "--compile: expected true or false, got 'maybe'"),
        ("--precision fp16", "invalid choice 'fp16' for argument '--precision'. Expected one of ('fp32', 'bf16')"),
        ("--model mlp-toi", "unknown model 'mlp-toi'. Did you mean mlp-toy"),
        ("--model", "--model expects the name of one thing that `dlplug list models` shows"),
        ("--data moons ring", "--data expects the name of one thing that `dlplug list data` shows"),
        ("--optimizer adan", "unknown optimizer 'adan'. Did you mean adam"),
        ("--metrics", "--metrics expects the names of metrics, got True"),
        ("--metrics accuracy", "unknown metric 'accuracy'. Did you mean accuracy-toy?"),
        ("--steps -1", "--steps: a length must not be negative, got -1"),
    ],
)
def test_one_line_says_what_is_wrong(host, line, message):
    assert message in complaint(lambda: typed(line, host))


def test_an_option_without_a_default_is_asked_for(host, capsys):
    def needy(*, path: str):
        """Needs a path.

        path: of the file.
        """

    host.manager.register(registering(data={"needy": needy}), "needy")
    host = with_plugins(host)
    assert (
        complaint(lambda: typed("--data needy --steps 3", host))
        == "dlplug run toy-moons needs --data.path: of the file"
    )
    assert typed("--data needy --steps 3 --data.path x", host)["data.path"] == "x"
    assert "data.path" not in resolve(host, "toy-moons", [{"data": "needy", "steps": 3}], partly=True)
    print_options(host, "toy-moons", "", {"data": "needy"})
    assert re.search(r"--data.path STR *of the file \(required\)", capsys.readouterr().out)


# Choosing other parts


def test_another_part_brings_its_own_options(host):
    config = typed("--optimizer sgd --optimizer.momentum 0.8", host)
    assert config["optimizer"] == "sgd"
    assert config["optimizer.momentum"] == 0.8
    assert "optimizer.beta1" not in config
    assert config["optimizer.schedule"] == "constant"
    assert "no option --optimizer.beta1" in complaint(lambda: typed("--optimizer sgd --optimizer.beta1 0.8", host))


def test_options_of_a_replaced_part_go_with_it(host):
    default = load_host().get("optimizers", "sgd").signature()
    rate = next(option.default for option in default.options if option.name == "learning_rate")
    assert rate != 0.01
    assert typed("--optimizer sgd", host)["optimizer.learning_rate"] == rate
    assert typed("--optimizer adam", host)["optimizer.learning_rate"] == 0.01, "the same part keeps its options"


def test_a_presets_or_files_options_of_a_replaced_part_go_too(host):
    assert typed("--model lstm-toy", host, preset="tiny")["model.width"] == 32
    layer = read_file(file_of("model.dropout: 0.5"))
    assert "model.dropout" not in typed("--model lstm-toy", host, layers=[layer])
    given_with_it = [{"model": "lstm-toy", "model.width": 7}]
    assert resolve(host, "toy-moons", given_with_it)["model.width"] == 7


def test_metrics_bring_their_options(host):
    def top(product, data, *, k: int = 5):
        """Top k."""

    host.manager.register(registering(metrics={"top-k": top}), "more")
    host = with_plugins(host)
    config = typed("--metrics accuracy-toy top-k --metrics.top-k.k 3", host)
    assert config["metrics"] == ["accuracy-toy", "top-k"]
    assert config["metrics.top-k.k"] == 3
    assert "has no option" in complaint(lambda: typed("--metrics.top-k.k 3", host))
    layers = [{"metrics": ["top-k"], "metrics.top-k.k": 3}]
    assert typed("--metrics accuracy-toy", host, layers=layers)["metrics"] == ["accuracy-toy"]
    assert resolve(host, "toy-moons", [{"metrics": []}])["metrics"] == []


def test_another_trainer_drops_the_first_ones_options(host):
    def still(*, patience: int = 3):
        """Does nothing."""

    host.manager.register(registering(trainers={"still": still}), "more")
    host = with_plugins(host)
    config = typed("--trainer still --patience 4", host)
    assert config["patience"] == 4
    assert "threads" not in config


def test_each_part_of_a_loss_has_its_optimizer(host):
    config = typed("--optimizer.critic.learning-rate 3e-4 --optimizer.generator sgd", host, "toy-gan")
    assert config["optimizer.critic"] == "adam"
    assert config["optimizer.critic.learning_rate"] == 3e-4
    assert config["optimizer.generator"] == "sgd"
    assert "optimizer.generator.beta1" not in config
    assert config["optimizer.generator.momentum"] == 0.0
    message = complaint(lambda: typed("--optimizer.learning-rate 1", host, "toy-gan"))
    assert "--optimizer.critic.learning-rate or --optimizer.generator.learning-rate" in message


def test_a_part_may_be_a_path(host):
    recipe = Recipe("s", "ring", "1 steps", "none", "pair-toy", optimizer={"net.head": "adam", "body": "sgd"})
    host.manager.register(registering(recipes={"deep": recipe}), "more")
    config = resolve(with_plugins(host), "deep", [{"optimizer.net.head": "adamw", "optimizer.net.head.beta1": 0.5}])
    assert (config["optimizer.net.head"], config["optimizer.net.head.beta1"]) == ("adamw", 0.5)


def test_a_recipes_own_mistake_is_told_like_a_users(host):
    recipe = Recipe("s", use("moons", siez=3), "1 steps", "none")
    host.manager.register(registering(recipes={"mistaken": recipe}), "more")
    message = complaint(lambda: resolve(with_plugins(host), "mistaken", []))
    assert message.startswith("mistaken has no option --data.siez. Did you mean --data.size")


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
    assert message == "the length of toy-dqn is in a unit that moons does not count: give --points or --steps"
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
            "optimizer.clip_norm": st.none() | st.floats(0, 1, allow_subnormal=False),
            "metrics": st.lists(st.sampled_from(["accuracy-toy", "walk-length"]), unique=True),
            "compile": st.booleans(),
            "device": st.text("abc:- #'\"yesno", max_size=6),
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
    layer = for_measuring(measured, config, arguments(["--k", "4", "--steps", "9", "--data.noise", "0.2"]))
    assert layer == {"metrics.top-k.k": "4", "steps": "9", "data.noise": "0.2"}
    assert for_measuring(measured, config, {"near": 1}) == {"metrics.near.tolerance": 1}
    config = typed("--metrics top-k", measured)
    assert for_measuring(measured, config, {"tolerance": 1}) == {"metrics.top-k.tolerance": 1}
    swapped = {"metrics": ["near"], "tolerance": 1}
    assert for_measuring(measured, config, swapped) == {"metrics": ["near"], "metrics.near.tolerance": 1}
    assert for_measuring(measured, config, {"hidden": 1}) == {"hidden": 1}, "resolving will say what is wrong"
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
    message = complaint(lambda: for_measuring(measured, config, {"tolerance": 1}))
    assert message == (
        "--tolerance is an option of several metrics: give --metrics.top-k.tolerance or --metrics.near.tolerance"
    )


def test_a_misspelt_option_without_its_part_gets_the_nearest(measured):
    assert "Did you mean --metrics.near.tolerance?" in complaint(
        lambda: typed("--metrics near --tolerence 1", measured)
    )
