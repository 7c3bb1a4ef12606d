"""Commands are advised as the program was started; and what a run is called with stays out of others' sight."""

from __future__ import annotations

import importlib
import json
import pydoc
import sys
import types

import pytest

import dlplug
from dlplug.host.hookspecs import hookimpl


class Stop:
    @hookimpl
    def logged(self, run):
        run.stopping = True


def test_under_uv_run_advice_begins_so(cli, host, quiet, monkeypatch, in_tmp_path, capsys):
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    assert "as in `uv run dlplug run " in cli("run").err
    assert "typed as `uv run dlplug`" in cli("--help").out
    host.manager.register(Stop())
    dlplug.run("toy-lstm", {**quiet, "console.show": "plain", "log_every": 1}, out="here", host=host)
    assert "go on with: uv run dlplug resume here" in capsys.readouterr().out


@pytest.mark.parametrize("module", ["dlplug.host.plugins", "dlplug_wandb.mode"])
def test_help_shows_nothing_of_the_environment(module, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "5ecret")
    shown = pydoc.plain(pydoc.render_doc(pytest.importorskip(module)))
    assert "environ: " in shown
    assert "5ecret" not in shown


def test_no_default_argument_anywhere_holds_the_environment():
    for module in [name for name in sys.modules if name.partition(".")[0].startswith("dlplug")]:
        for value in vars(importlib.import_module(module)).values():
            for default in value.__defaults__ or () if isinstance(value, types.FunctionType) else ():
                assert "environ" not in type(default).__name__.lower(), f"{module}: {value}"


def test_what_another_program_was_called_with_is_not_recorded(host, quiet, monkeypatch, in_tmp_path):
    monkeypatch.setattr(sys, "argv", ["/home/me/train.py", "--token", "5ecret"])
    dlplug.run("toy-lstm", {**quiet, "steps": 1}, out="here", host=host)
    assert json.loads((in_tmp_path / "here" / "environment.json").read_text())["command"] == ["train.py"]
    assert "5ecret" not in (in_tmp_path / "here" / "environment.json").read_text()
