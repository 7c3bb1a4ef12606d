"""The choice before `wandb.init`: never a prompt, never a hang, one line that says why."""

from __future__ import annotations

import os
import pty
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import KEY, command, isolated, train
from dlplug_wandb.mode import Choice, choose, has_key, probe, read_settings
from dlplug_wandb.observer import Wandb
from server import Server

from dlplug.errors import UserError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """For what is looked up in this process."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def dead() -> str:
    """The address of a server that has gone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_auto_without_a_key(home: Path) -> None:
    choice = choose("auto", {})
    assert choice.mode == "offline"
    assert choice.reason == "no API key for api.wandb.ai (`wandb login` gives one)"


def test_auto_with_a_key_and_a_server(home: Path, server: Server) -> None:
    assert choose("auto", {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": server.url}) == Choice("online")


def test_auto_with_a_dead_server(home: Path, dead: str) -> None:
    started = time.monotonic()
    choice = choose("auto", {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": dead})
    assert choice.mode == "offline"
    assert f"{dead} does not answer" in choice.reason
    assert time.monotonic() - started < 5


def test_auto_with_a_silent_server(home: Path, silent: str) -> None:
    started = time.monotonic()
    choice = choose("auto", {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": silent})
    assert choice == Choice("offline", f"{silent} does not answer (silent for 2 s)")
    assert 1.9 < time.monotonic() - started < 10


def test_online_says_what_is_missing(home: Path, dead: str) -> None:
    with pytest.raises(UserError, match=r"--wandb online: no API key for api\.wandb\.ai .* or --wandb offline"):
        choose("online", {})
    with pytest.raises(UserError, match=r"--wandb online: http://127.* does not answer"):
        choose("online", {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": dead})
    with pytest.raises(UserError, match="WANDB_MODE=online: no API key"):
        choose("auto", {"WANDB_MODE": "online"})


def test_wandb_mode_rules_under_auto_alone(home: Path, dead: str) -> None:
    with_key = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": dead}
    assert choose("auto", with_key | {"WANDB_MODE": "offline"}) == Choice("offline")
    assert choose("auto", with_key | {"WANDB_MODE": "disabled"}) == Choice("off")
    assert choose("offline", with_key | {"WANDB_MODE": "disabled"}) == Choice("offline")
    assert choose("off", with_key | {"WANDB_MODE": "online"}) == Choice("off")
    with pytest.raises(UserError, match=r"WANDB_MODE=ofline is not a mode of W&B\. Did you mean offline"):
        choose("auto", {"WANDB_MODE": "ofline"})


def test_settings_files_are_heeded(home: Path, server: Server) -> None:
    for folder in (home / ".config" / "wandb", home / "wandb"):
        folder.mkdir(parents=True)
    (home / ".config" / "wandb" / "settings").write_text("[default]\nbase_url = http://far\nmode = offline\n")
    assert choose("auto", {"WANDB_API_KEY": KEY}) == Choice("offline")
    (home / "wandb" / "settings").write_text(f"[default]\nbase_url = {server.url}\nmode = online\n")
    assert read_settings({}) == {"base_url": server.url, "mode": "online"}
    assert choose("auto", {"WANDB_API_KEY": KEY}) == Choice("online")
    (home / "wandb" / "settings").write_text("not a settings file")
    assert read_settings({})["mode"] == "offline"


def test_a_key_in_netrc(home: Path) -> None:
    assert not has_key("https://api.wandb.ai", {}, {})
    (home / ".netrc").write_text(f"machine localhost:8080\n  login user\n  password {KEY}\n")
    assert has_key("http://localhost:8080", {}, {})
    assert not has_key("https://api.wandb.ai", {}, {})
    (home / "other").write_text(f"machine api.wandb.ai login user password {KEY}\n")
    assert has_key("https://api.wandb.ai", {}, {"NETRC": str(home / "other")})
    (home / "other").write_text("machine api.wandb.ai login")
    assert not has_key("https://api.wandb.ai", {}, {"NETRC": str(home / "other")})


def test_any_answer_below_500_is_one(server: Server) -> None:
    assert probe(server.url) == ""
    assert "unknown url type" in probe("localhost:8080")


def test_key_but_no_server_trains_offline_at_once(nobody: dict[str, str], silent: str, tmp_path: Path) -> None:
    done = train(tmp_path / "run", nobody | {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": silent})
    assert done.code == 0
    assert done.measured["decided"] < 3
    assert done.said.splitlines() == [
        f"W&B: offline, {silent} does not answer (silent for 2 s)",
        f"W&B: to upload this run: wandb sync {tmp_path}/run/wandb/offline-run-*",
    ]


def test_online_without_a_key_ends_before_anything_starts(nobody: dict[str, str], tmp_path: Path) -> None:
    done = train(tmp_path / "run", nobody, mode="online")
    assert done.code == 2
    assert done.said.startswith("error: --wandb online: no API key")
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("mode", ["auto", "online"])
def test_no_prompt_on_a_terminal(mode: str, nobody: dict[str, str], tmp_path: Path) -> None:
    """On a terminal wandb itself would ask for a choice of three, and wait."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(tmp_path / "run", {"mode": mode}), env=nobody, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    deadline = time.monotonic() + 60
    while process.poll() is None or select.select([ours], [], [], 0)[0]:
        assert time.monotonic() < deadline, shown
        if select.select([ours], [], [], 0.1)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the last writer has closed it
                break
    os.close(ours)
    assert process.wait() == (0 if mode == "auto" else 2)
    lines = shown.decode().replace("\r", "").splitlines()
    told = [line for line in lines if line != "trained" and not line.startswith("{")]
    assert len(told) == (2 if mode == "auto" else 1), told
    assert "no API key for api.wandb.ai" in told[0]


@pytest.mark.parametrize("project", ["team/atari", "a#b", "a/b/c"])
def test_a_project_that_wandb_would_refuse_is_refused_at_once(project: str, home: Path) -> None:
    with pytest.raises(UserError, match=f"W&B project '{project}'"):
        Wandb(mode="offline", project=project)
    assert Wandb(mode="off", project=project).project == project


@pytest.mark.parametrize(
    ("mode", "environment"), [("off", {}), ("auto", {"WANDB_MODE": "disabled"}), ("auto", {"RANK": "1"})]
)
def test_off_imports_nothing(mode: str, environment: dict[str, str], nobody: dict[str, str], tmp_path: Path) -> None:
    done = train(tmp_path / "run", nobody | environment, mode=mode)
    assert (done.code, done.said, done.measured["imported"]) == (0, "", False)
    assert not (tmp_path / "run" / "wandb.json").exists()


def test_a_broken_wandb_costs_one_line(nobody: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "broken" / "wandb").mkdir(parents=True)
    (tmp_path / "broken" / "wandb" / "__init__.py").write_text("raise RuntimeError('half installed')")
    done = train(tmp_path / "run", nobody | {"PYTHONPATH": str(tmp_path / "broken")})
    assert (done.code, done.said) == (0, "W&B: RuntimeError: half installed; training continues without it")


def test_the_plugin_and_the_observer_import_no_wandb(tmp_path: Path) -> None:
    code = "import dlplug_wandb, dlplug_wandb.observer, sys; print({'wandb', 'torch', 'numpy'} & sys.modules.keys())"
    environment = isolated(tmp_path / "home")
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr
