"""From layers to a configuration: who wins, what is understood, and what is said of what is not."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from layers import complaint, file_of, registering, typed, with_plugins

from dlplug.cli.recipe_help import print_recipe_options
from dlplug.cli.verbs import run_parser
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.options.reading import arguments, read_file
from dlplug.recipes import Recipe, use

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
    assert typed("--data.noise -0.5", host)["data.noise"] == -0.5
    assert typed("--data.noise=-1e-3", host)["data.noise"] == -1e-3
    assert arguments(["--note", "-1", "--other", "-cpu"]) == {"note": "-1", "other": "-cpu"}


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
        ("--model.width", "--model.width needs a value"),
        ("--model.width 3 4", "--model.width takes one value, got 2: 3 4"),
        ("--model.dropout high", "--model.dropout: expected a number such as 0.1 or 1e-4, got 'high'"),
        ("--compile maybe", "--compile: expected auto, true or false, got 'maybe'"),
        ("--precision fp16", "--precision: expected auto, fp32 or bf16, got 'fp16'"),
        ("--model mlp-toi", "unknown model 'mlp-toi'. Did you mean mlp-toy"),
        ("--model", "--model expects the name of one thing that `dlplug list models` shows"),
        ("--data moons ring", "--data expects the name of one thing that `dlplug list data` shows"),
        ("--optimizer adan", "unknown optimizer 'adan'. Did you mean adam"),
        ("--metrics", "--metrics expects the names of metrics, got True"),
        ("--metrics acuracy-toy", "unknown metric 'acuracy-toy'. Did you mean accuracy-toy"),
        ("--steps -1", "--steps must be at least 0, got -1"),
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
    flags = SimpleNamespace(recipe="toy-moons", preset="", options={"data": "needy"})
    print_recipe_options(run_parser(), flags, host)
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
