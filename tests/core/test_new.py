"""`dlplug new`: the plugin that it writes works, and nothing that is there is overwritten."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from dlplug_commands.new.command import sources_of_dlplug

from dlplug import testing


@pytest.fixture
def installed(cli, tmp_path, monkeypatch):
    """A new plugin on the path of this process and of its children, with the metadata that an installer writes."""
    assert cli("new", "two-arms").code == 0
    folder = tmp_path / "two-arms"
    about = folder / "dlplug_two_arms-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: dlplug-two-arms\nVersion: 0.1.0\n", encoding="utf-8")
    entry = re.search(r"^two-arms = .*", (folder / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert entry
    (about / "entry_points.txt").write_text(f"[dlplug]\n{entry[0].replace(chr(34), '')}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    return folder


def test_the_new_plugin_keeps_the_contract_and_learns(installed):
    testing.check_plugin("two-arms")
    testing.check_recipe("two-arms")


def test_no_trace_of_the_template_s_name_is_left(cli, tmp_path):
    written = cli("new", "two-arms", "--json").json
    assert written["folder"] == "two-arms"
    paths = [path for path in (tmp_path / "two-arms").rglob("*") if path.is_file()]
    assert {str(path.relative_to(tmp_path)) for path in paths} == set(written["files"])
    assert "two-arms/dlplug_two_arms/data.py" in written["files"]
    for path in paths:
        assert "example" not in path.name + path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize(
    "name", ["Arms", "two_arms", "-arms", "arms-", "two--arms", "2arms", "", "a/b", "../arms", "class"]
)
def test_a_name_that_no_plugin_can_have_is_refused(cli, tmp_path, name):
    cli("new", "--out", "here", "--", name).error()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["rl", "dqn-atari", "mnist"])
def test_a_name_that_is_taken_is_refused(cli, tmp_path, name):
    assert name in cli("new", name).error()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(cli, tmp_path):
    (tmp_path / "arms").mkdir()
    (tmp_path / "arms" / "mine.txt").touch()
    assert "arms exists" in cli("new", "arms").error()
    assert [path.name for path in tmp_path.rglob("*")] == ["arms", "mine.txt"]
    assert cli("new", "arms", "--out", "deep/er").code == 0
    assert Path("deep/er/dlplug_arms/__init__.py").exists()


def test_nothing_half_written_stays(cli, tmp_path, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    assert cli("new", "arms").code != 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_it_is_trained_and_tested_in_an_environment_of_its_own(cli, tmp_path):
    if shutil.which("uv") is None or not sources_of_dlplug():
        pytest.skip("uv is not installed, or dlplug is not installed from a folder")
    cli("new", "two-arms")
    environ = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    for words in (["dlplug", "run", "two-arms", "--steps", "100"], ["pytest", "-q"]):
        done = subprocess.run(
            ["uv", "run", *words], cwd=tmp_path / "two-arms", env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
