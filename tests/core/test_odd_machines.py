"""Terminals without "≥", and users without a home folder."""

from __future__ import annotations

import io
import sys

import pytest

import dlplug
from dlplug.cli.main import main


def nobody(number):
    raise KeyError(f"getpwuid(): uid not found: {number}")


@pytest.fixture
def homeless(monkeypatch):
    """As a container's user without an entry in /etc/passwd."""
    for name in ("HOME", "DLPLUG_DATA", "WANDB_CONFIG_DIR", "NETRC", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)


def test_a_run_needs_no_home_folder(homeless, toys, cli):
    line = ("-p", toys, "run", "toy-moons", "--steps", "2", "--device", "cpu", "--tensorboard", "off")
    said = cli(*line, "--wandb", "off") if "wandb" in dlplug.host.plugins.load_host().names("observers") else cli(*line)
    assert (said.code, said.err) == (0, "")


def test_without_a_home_folder_wandb_finds_no_key_and_data_say_what_to_set(homeless):
    mode = pytest.importorskip("dlplug_wandb.mode")
    assert mode.choose("auto").mode == "offline"
    assert mode.choose("off").mode == "off"
    with pytest.raises(dlplug.UserError, match="no home folder: set DLPLUG_DATA"):
        dlplug.data_folder()


def test_doctor_without_a_home_folder(homeless, cli, monkeypatch):
    finding = next(finding for finding in cli("doctor", "--json").json if finding["name"] == "data folder")
    assert "set DLPLUG_DATA" in finding["advice"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_target_is_said_on_a_terminal_that_has_no_such_character(toys, monkeypatch, encoding):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    line = ["-p", toys, "run", "toy-moons", "--steps", "2", "--device", "cpu", "--tensorboard", "off", "-p", "no:wandb"]
    assert main(line) == 0
    terminal.flush()
    assert b"target: test/accuracy \\u2265 0.9 (test split)" in terminal.buffer.getvalue()


def test_a_process_whose_terminal_is_ascii(command, toys):
    said = command("-p", toys, "show", "toy-moons", environ={"PYTHONIOENCODING": "ascii"})
    assert said.code == 0
    assert "target: test/accuracy \\u2265 0.9" in said.out
