"""Listing, help and completion stay light."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "wandb", "gymnasium", "tensorboard"}


def test_listing_and_help_import_nothing_heavy():
    """One process asks for everything in turn. `show` and the help of each recipe are asked for where its plugin is
    checked."""
    code = f"""
import contextlib, io, json, sys
from dlplug.cli.main import main
from dlplug.host.plugins import load_host
loaded = {{}}
recipes = {{entry.plugin.name: entry.name for entry in load_host().entries("recipes")}}.values()
light = ["list", "list models", "list data --json", "--help", "plugins", "completion bash", "completion candidates run"]
more = [f"completion candidates run {{name}}" for name in recipes]
for line in light + more:
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
