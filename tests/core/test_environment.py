"""A record says which commit it is of, and whether the source differed from it."""

import shutil
import subprocess

import pytest

from dlplug.runs import environment


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    if not shutil.which("git"):
        pytest.skip("there is no git here")
    for name in ("dlplug/runs/environment.py", "plugins/memory/results/ntm-copy.json", "plugins/memory/recipes.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    author = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    for call in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *call], check=True)
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "dlplug" / "runs" / "environment.py"))
    return tmp_path


def test_a_commit_is_marked_where_the_source_differs_from_it_and_not_for_a_record(checkout):
    commit = environment.commit.__wrapped__()
    assert len(commit) == 12
    (checkout / "plugins/memory/results/ntm-copy.json").write_text("[]")
    (checkout / "runs").mkdir()
    (checkout / "runs" / "config.yaml").write_text("seed: 0")
    assert environment.commit.__wrapped__() == commit
    (checkout / "plugins/memory/recipes.py").write_text("[]")
    assert environment.commit.__wrapped__() == f"{commit}+"


def test_a_wheel_has_no_commit(checkout, monkeypatch):
    (checkout / "dlplug" / "installed.py").write_text("")
    monkeypatch.setattr(environment, "__file__", str(checkout / "dlplug" / "installed.py"))
    assert environment.commit.__wrapped__() == ""
