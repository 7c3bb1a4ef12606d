"""The command: what each verb prints, for people and as JSON; and errors of one line."""

from __future__ import annotations

import json
import subprocess
import sys
from math import inf
from pathlib import Path
from types import SimpleNamespace

import pytest

from dlplug.host import builtin
from dlplug.host.builtin import VERBS
from dlplug.host.plugins import KINDS
from dlplug.observers.console import header
from dlplug.recipes import Target

HEAVY = {"torch", "wandb", "gymnasium", "tensorboard"}


@pytest.fixture
def toy(cli, toys):
    """The command with the toy plugin."""
    return lambda *arguments: cli("-p", toys, *arguments)


def one_line(said, code: int = 2) -> str:
    """A user's error: nothing on standard output, one line on the other, no traceback."""
    assert said.code == code
    assert said.out == ""
    assert said.err.startswith("dlplug: ")
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    return said.err.removeprefix("dlplug: ").strip()


# What a person may ask first


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",), ("run", "--help"), ("list", "-h")])
def test_help_names_every_verb(cli, arguments):
    said = cli(*arguments)
    assert said.code == 0
    for verb in VERBS:
        assert f"dlplug {verb}" in said.out


def test_every_verb_has_help(cli):
    for verb in set(VERBS) - {"run", "completion"}:  # whose help is about what they are given
        said = cli(verb, "--help")
        assert (said.code, said.err) == (0, "")
        assert f"dlplug {verb}" in said.out


def test_version(cli):
    assert cli("--version").out == f"dlplug {builtin.version()}\n"


# list


@pytest.mark.parametrize("kind", KINDS)
def test_list_as_json_is_json_alone(toy, kind):
    rows = toy("list", kind, "--json").json
    assert all({"name", "summary", "plugin", "version"} <= row.keys() for row in rows)
    assert kind == "recipes" or [row["name"] for row in rows] == sorted(row["name"] for row in rows)


def test_list_shows_recipes_by_default(toy):
    said = toy("list")
    assert said.code == 0
    assert "toy-moons" in said.out
    assert "classify two moons" in said.out
    row = next(row for row in toy("list", "--json").json if row["name"] == "toy-moons")
    assert row == {
        "name": "toy-moons",
        "summary": "classify two moons",
        "level": 3,
        "trainer": "torch",
        "presets": ["tiny"],
        "needs": "",
        "gpu": False,
        "cpu_seconds": None,
        "plugin": "toys",
        "version": "",
    }


def test_list_says_what_to_do_where_there_is_nothing(cli, monkeypatch):
    monkeypatch.setenv("DLPLUG_PLUGINS", "")
    assert "no recipes: install a plugin, such as dlplug[rl]" in cli("list").out


# show


def test_show(toy):
    shown = toy("show", "toy-moons", "--json").json
    assert shown["options"]["model.width"] == 32
    assert shown["presets"] == {"tiny": "a narrow net"}
    assert shown["targets"] == [{"target": "test/accuracy ≥ 0.9 (test split)", "source": "none"}]
    assert "recipe" not in shown["options"]
    said = toy("show", "toy-moons")
    for text in ("classify two moons", "preset tiny: a narrow net", "target: test/accuracy ≥ 0.9", "model.width"):
        assert text in said.out


def test_show_a_preset_with_its_own_target(toy):
    shown = toy("show", "toy-moons", "--preset", "tiny", "--json").json
    assert shown["options"]["model.width"] == 4
    assert shown["options"]["points"] == 6400
    assert "steps" not in shown["options"]
    assert shown["targets"][0]["target"] == "test/accuracy ≥ 0.8 (test split)"


def test_a_header_names_three_targets_and_counts_the_rest():
    named = {"recipe": "table", "seed": 0, "folder": "runs/table/1", "resumed": False, "preset": ""}
    built = {"device": "cpu", "parameters": 7, "definition": SimpleNamespace(presets={})}
    compared = Target("test/e", "compared", at_most=inf)
    for count, last in ((3, "target: test/c ≥ 1 (all)"), (5, "and 2 more targets: dlplug show table")):
        targets = [compared, *(Target(f"test/{name}", "all", at_least=1) for name in "abcde"[:count])]
        lines = header(SimpleNamespace(**named, **built, targets=targets))  # type: ignore[arg-type]
        assert lines[2:5] == [f"target: test/{name} ≥ 1 (all)" for name in "abc"]
        assert lines[-1] == last


# run RECIPE --help


def test_help_of_a_recipe_shows_its_options_and_values(toy):
    said = toy("run", "toy-moons", "--preset=tiny", "--help")
    assert said.code == 0
    text = " ".join(said.out.replace("│", " ").split())
    assert "--model.width INT of the hidden layer (default: 4)" in text
    assert "--points INT how long to train, in points; at least 0 (default: 6400)" in text
    assert "--metrics accuracy-toy" in text
    assert "those of the preset tiny" in text


def test_help_of_a_recipe_follows_the_parts_that_are_chosen(toy):
    said = toy("run", "toy-moons", "--optimizer", "sgd", "--help")
    assert "--optimizer.momentum" in said.out
    assert "--optimizer.beta1" not in said.out


# plugins, doctor


def test_plugins(toy, toys):
    rows = {row["name"]: row for row in toy("plugins", "--json").json}
    assert rows["core"]["state"] == rows["toys"]["state"] == "works"
    assert rows["toys"]["origin"] == toys
    assert "toy-moons" in rows["toys"]["provides"]["recipes"]
    assert rows["core"]["provides"]["trainers"] == ["torch"]
    assert rows["toys"]["load_ms"] > 0
    assert "toys" in toy("plugins").out


def test_a_plugin_left_out_is_shown_as_such(cli):
    if "wandb" not in {row["name"] for row in cli("plugins", "--json").json}:
        pytest.skip("the wandb plugin is not installed")
    said = cli("plugins", "-p", "no:wandb", "--json")
    assert next(row["state"] for row in said.json if row["name"] == "wandb") == "blocked"


def test_doctor(cli):
    said = cli("doctor", "--json")
    found = {finding["name"]: finding for finding in said.json}
    assert {"python", "device", "precision", "--compile", "data folder", "plugin core"} <= found.keys()
    assert said.code == (0 if all(finding["works"] for finding in said.json) else 1)
    assert all(finding["works"] or finding["advice"] for finding in said.json)
    assert "plugin core: dlplug" in cli("doctor").out


@pytest.mark.slow
def test_doctor_imports_no_more_than_it_must(command):
    """Of plugins' libraries, what compiles and what plots would cost more than everything else together."""
    imported = {
        row.rpartition("|")[2].strip() for row in command("doctor", python=("-X", "importtime")).err.splitlines()
    }
    assert "dlplug_generative.measures.frechet" in imported
    assert not {"torch._dynamo", "torchmetrics", "scipy", "matplotlib.pyplot"} & imported


def test_doctor_says_what_to_do_where_data_cannot_be_written(cli, monkeypatch):
    monkeypatch.setenv("DLPLUG_DATA", "/proc/dlplug")
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).startswith("/proc"))
    said = cli("doctor", "--json")
    finding = next(finding for finding in said.json if finding["name"] == "data folder")
    assert said.code == 1
    assert not finding["works"]
    assert "DLPLUG_DATA" in finding["advice"]


# A run from end to end


def test_a_metric_that_is_not_finite_is_null_in_json(toy):
    Path("never.py").write_text(
        "from dlplug import hookimpl\n\n"
        "def never(product, data):\n    return {'score': float('nan')}\n\n"
        "@hookimpl\ndef register_metrics():\n    return {'never': never}\n"
    )
    quiet = ("-p", "never.py", "-p", "no:wandb")
    assert toy("run", "toy-moons", "--steps", "2", "--metrics", "never", "--out", "run", *quiet).code == 0
    said = toy("eval", "run", "--json", *quiet)
    assert "NaN" not in said.out
    assert said.json == {"test/score": None}


def test_run_resume_eval_as_a_person_would(toy):
    quiet = ("--device", "cpu", "--tensorboard", "off", "-p", "no:wandb")
    said = toy("run", "toy-moons", "--steps", "60", "--out", "mine", *quiet)
    assert said.code == 0
    assert "finished after 60 steps" in said.out
    assert json.loads(Path("mine/result.json").read_text())["steps"] == 60
    said = toy("resume", "mine", "--steps", "80", "-p", "no:wandb")
    assert "resumed at step 60" in said.out
    assert json.loads(Path("mine/result.json").read_text())["steps"] == 80
    values = toy("eval", "mine", "--json", "-p", "no:wandb").json
    assert 0.4 < values["test/accuracy"] <= 1
    assert "test/accuracy: " in toy("eval", "mine", "-p", "no:wandb").out
    assert "mine exists already" in one_line(toy("run", "toy-moons", "--out", "mine", *quiet))
    Path("over.yaml").write_text("steps: 3\nconsole: off\n")
    said = toy("run", "toy-moons", "--config", "over.yaml", "--seed", "5", *quiet)
    assert (said.code, said.out) == (0, "")
    (folder,) = Path("runs/toy-moons").iterdir()
    assert json.loads((folder / "result.json").read_text())["steps"] == 3


# Errors


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lits", "unknown command 'lits'. Did you mean list"),
        ("--lits", "unknown command '--lits'."),
        ("list modles", "cannot list 'modles'. Did you mean models"),
        ("list models data", "dlplug list does not take 'data'"),
        ("show", "dlplug show takes one RECIPE, got 0"),
        ("show toy-mons", "unknown recipe 'toy-mons'. Did you mean toy-moons"),
        ("show toy-moons --preset big", "recipe toy-moons has no preset 'big'; it has: tiny"),
        ("run", "dlplug run needs a RECIPE, as in `dlplug run "),
        ("run --seed 3", "dlplug run needs a RECIPE, as in `dlplug run "),
        ("run toy-mons", "unknown recipe 'toy-mons'. Did you mean toy-moons"),
        ("run toy-mons --help", "unknown recipe 'toy-mons'. Did you mean toy-moons"),
        ("run toy-moons --sed 3", "toy-moons has no option --sed. Did you mean --seed"),
        ("run toy-moons --seed three", "--seed: expected a whole number such as 1000, 1e3 or 10k, got 'three'"),
        ("run toy-moons 7", "unexpected '7'; options look like --loss.gamma 0.99"),
        ("run toy-moons --preset", "--preset needs a value"),
        ("run toy-moons --steps", "--steps needs a value"),
        ("run nothing-like-it", "unknown recipe 'nothing-like-it'. They are listed by `dlplug list`."),
        ("frobnicate", "unknown command 'frobnicate'. They are listed by `dlplug --help`."),
        ("run toy-moons --preset tiny --preset tiny", "--preset is given twice"),
        ("run toy-moons --preset big", "recipe toy-moons has no preset 'big'; it has: tiny"),
        ("run toy-moons --config no.yaml", "--config no.yaml: no such file"),
        ("run toy-moons --out /dev/null/x", "cannot write the run folder /dev/null/x"),
        ("resume", "dlplug resume needs a RUN: a run folder, or a recipe's name for its newest"),
        ("resume nowhere", "nowhere is neither a run folder"),
        (
            "resume toy-moons",
            "toy-moons is neither a run folder (with a config.yaml) nor a recipe that has been run here",
        ),
        ("eval nowhere", "nowhere is neither a run folder"),
        ("eval nowhere --json", "nowhere is neither a run folder"),
        ("verify toy-moons --seeds none", "--seeds expects a whole number from 1, got 'none'"),
        ("verify toy-mons", "unknown recipe 'toy-mons'"),
        ("plugins all", "dlplug plugins does not take 'all'"),
        ("doctor --jsn", "dlplug doctor does not take '--jsn'"),
        ("completion", "dlplug completion takes one bash, zsh or fish, got 0"),
        ("completion bsh", "no completion for 'bsh'. Did you mean bash"),
        ("list -p nowhere.py", "-p nowhere.py: no such Python file"),
        ("list -p", "-p needs a value"),
        ("list -p no:toyz", "-p no: names 'toyz', which is not an installed plugin"),
    ],
)
def test_an_error_is_one_line(toy, line, message):
    assert message in one_line(toy(*line.split()))
    assert not list(Path().glob("runs/*/*")), "a run folder stayed behind"


def test_an_error_after_the_runs_name_is_one_line_too(toy):
    said = toy("run", "toy-moons", "--device", "cpux")
    assert (said.code, said.out, said.err.count("\n")) == (2, "toy-moons, seed 0\n", 1)
    assert said.err.startswith("dlplug: --device cpux: expected auto")
    assert not list(Path().glob("runs/*/*")), "a run folder stayed behind"


def test_debug_shows_the_traceback(command):
    assert "Traceback" not in command("show", "nothing").err
    said = command("show", "nothing", "--debug")
    assert said.code == 1
    assert "Traceback" in said.err
    assert "dlplug.errors.UserError: unknown recipe 'nothing'" in said.err


def test_a_failure_of_the_program_is_one_line_too(cli, monkeypatch):
    def fail(host, arguments):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("dlplug.cli.verbs.list_command", fail)
    assert one_line(cli("list"), code=1) == "RuntimeError: two lines (--debug shows where)"
    with pytest.raises(RuntimeError):
        cli("list", "--debug")


def test_a_plugins_command_is_a_verb(cli):
    Path("mine.py").write_text(
        "from dlplug import hookimpl\n@hookimpl\ndef register_commands(): return {'greet': greet}\n"
        "def greet(argv):\n    'Greets.'\n    print('hello', *argv)\n    return 7\n"
    )
    said = cli("-p", "mine.py", "greet", "you", "--help")
    assert (said.code, said.out) == (7, "hello you --help\n")
    assert "dlplug greet" in cli("-p", "mine.py", "--help").out
    assert "greet" in [row["name"] for row in cli("-p", "mine.py", "list", "commands", "--json").json]


# What is light stays light


def test_listing_and_help_import_nothing_heavy():
    """One process asks for everything in turn; The help of
    every other recipe is asked for where its plugin is checked."""
    code = f"""
import contextlib, io, json, sys
from dlplug.cli.main import main
from dlplug.host.plugins import load_host
loaded = {{}}
recipes = load_host().names("recipes")
light = ["list", "list models", "list data --json", "--help", "plugins", "completion bash", "completion candidates run"]
more = [f"completion candidates run {{name}}" for name in recipes]
heavier = [f"show {{name}}" for name in recipes] + [f"run {{recipes[0]}} --help"]
for line in light + more + heavier:
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(line.split()) == 0, line
    loaded[line] = sorted({HEAVY!r} & sys.modules.keys())
print(json.dumps(loaded))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert len(loaded) >= 7
    for line, modules in loaded.items():
        assert not modules, f"dlplug {line} imports {modules}"


@pytest.mark.parametrize("line", ["list", "--help", "plugins --json", "completion bash"])
def test_the_command_in_its_own_process_imports_no_torch(command, line):
    said = command(*line.split(), python=("-X", "importtime"))
    assert said.code == 0
    imported = {row.rpartition("|")[2].strip() for row in said.err.splitlines()}
    assert "dlplug.cli.main" in imported
    assert not HEAVY & imported


def test_a_wrong_option_of_an_installed_recipe_shows_before_torch_is_imported(command):
    import dlplug.host.plugins

    names = [e.name for e in dlplug.host.plugins.load_host().entries("recipes") if not e.load().presets]
    if not names:
        pytest.skip("no installed recipe without presets")
    said = command("run", names[0], "--no-such-thing", "1", python=("-X", "importtime"))
    assert said.code == 2
    assert f"dlplug: {names[0]} has no option --no-such-thing" in said.err
    assert not [row for row in said.err.splitlines() if row.rpartition("|")[2].strip() == "torch"]


def test_a_plugins_command_is_given_the_host_where_it_names_it(cli, in_tmp_path):
    (in_tmp_path / "own.py").write_text(
        "from dlplug import hookimpl\n"
        "def plain(argv): print(argv); return 0\n"
        "def hosted(argv, host): print(argv, host.options); return 3\n"
        "@hookimpl\n"
        "def register_commands(): return {'plain': plain, 'hosted': hosted}\n"
    )
    assert cli("-p", "own.py", "plain", "a").out == "['a']\n"
    said = cli("-p", "own.py", "-p", "no:sb3", "hosted", "a")
    assert (said.code, said.out) == (3, "['a'] ['own.py', 'no:sb3']\n")
