"""What list, show, plugins and doctor print, for people and as JSON; a recipe's own help."""

from __future__ import annotations

from math import inf
from types import SimpleNamespace

import pytest

from dlplug.host.plugins import KINDS
from dlplug.observers.console import header
from dlplug.recipes import Target

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
    monkeypatch.setenv("DLPLUG_PLUGINS", "commands")
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
    said = toy("run", "--preset=tiny", "toy-moons", "--help")
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


def test_plugins_are_printed_with_whole_names(toy, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    lines = toy("plugins").out.splitlines()
    assert any(line.startswith("toys") and ": works; " in line for line in lines)
    assert all(len(line) <= 50 for line in lines if line.startswith("  ") and "," in line)
    assert "toy-moons" in " ".join(lines).replace(",", " ").split()


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
