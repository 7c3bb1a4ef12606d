"""Errors of one line, whoever made them."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lits", "unknown command 'lits'. Did you mean list"),
        ("--lits", "unknown command '--lits'."),
        ("list modles", "KIND cannot be 'modles'. Did you mean models"),
        ("list models data", "dlplug list does not take 'data'"),
        ("show", "dlplug show needs a RECIPE"),
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
        ("run quux", "unknown recipe 'quux'. They are listed by `dlplug list`."),
        ("xyzzy", "unknown command 'xyzzy'. They are listed by `dlplug --help`."),
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
        ("verify toy-moons --seeds none", "--seeds: expected a whole number from 1, got 'none'"),
        ("verify toy-mons", "unknown recipe 'toy-mons'"),
        ("plugins all", "dlplug plugins does not take 'all'"),
        ("doctor --jsn", "dlplug doctor does not take '--jsn'"),
        ("completion", "dlplug completion needs a SHELL"),
        ("completion bsh", "SHELL cannot be 'bsh'. Did you mean bash"),
        ("list -p nowhere.py", "-p nowhere.py: no Python file and no package"),
        ("list -p", "-p needs a value"),
        ("list -p no:toyz", "-p no: names 'toyz', which is not an installed plugin"),
    ],
)
def test_an_error_is_one_line(toy, line, message):
    assert message in toy(*line.split()).error()
    assert not list(Path().glob("runs/*/*")), "a run folder stayed behind"


def test_an_error_after_the_runs_name_is_one_line_too(toy):
    said = toy("run", "toy-moons", "--device", "cuda:99")
    assert (said.code, said.out, said.err.count("\n")) == (2, "toy-moons, seed 0\n", 1)
    assert said.err.startswith("dlplug: --device cuda:99: ")
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

    monkeypatch.setattr("dlplug_commands.listing.list_command", fail)
    assert cli("list").error(code=1) == "RuntimeError: two lines (--debug shows where)"
    with pytest.raises(RuntimeError):
        cli("list", "--debug")
