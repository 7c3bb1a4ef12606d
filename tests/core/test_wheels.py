"""The built wheels, installed in a bare environment far from the checkout, work the same: entry points, not the
checkout, find the plugins."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = [*ROOT.glob("plugins/*/pyproject.toml"), *ROOT.glob("plugins/kits/*/pyproject.toml")]


@pytest.mark.slow
def test_wheels_in_a_bare_environment(tmp_path):
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    wheels = tmp_path / "wheels"
    run("uv", "build", "--all-packages", "--wheel", "--out-dir", wheels, cwd=ROOT)
    names = sorted(path.name.split("-")[0] for path in wheels.glob("*.whl"))
    assert names == sorted(["dlplug", *(f"dlplug_{path.parent.name}" for path in PROJECTS), "dlplug_envs"])
    for wheel in wheels.glob("*.whl"):
        assert [name for name in ZipFile(wheel).namelist() if name.endswith("/py.typed")], wheel
    python = tmp_path / "bare" / "bin" / "python"
    run("uv", "venv", "--python", sys.executable, tmp_path / "bare")
    (core,) = wheels.glob("dlplug-*.whl")
    run("uv", "pip", "install", "--python", python, "--find-links", wheels, f"dlplug[all] @ {core.as_uri()}")
    command = tmp_path / "bare" / "bin" / "dlplug"
    plugins = json.loads(run(command, "plugins", "--json", cwd=tmp_path))
    assert {plugin["name"]: plugin["state"] for plugin in plugins} == dict.fromkeys(
        ["core", *(path.parent.name for path in PROJECTS if "entry-points" in path.read_text("utf-8"))], "works"
    )
    recipes = json.loads(run(command, "list", "--json", cwd=tmp_path))
    assert "dqn-atari" in {recipe["name"] for recipe in recipes}
    where = run(python, "-c", "import dlplug_rl; print(dlplug_rl.__file__)", cwd=tmp_path)
    assert where.startswith(str(tmp_path))
    quick = [
        "--frames",
        "2000",
        "--data.learning-starts",
        "200",
        "--data.replay",
        "2000",
        "--metrics.episodes.count",
        "1",
    ]
    run(command, "run", "dqn-atari", "--preset", "cpu", "--out", tmp_path / "run", *quick, cwd=tmp_path)
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "finished"


def run(*arguments, cwd=None):
    environ = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        [str(a) for a in arguments], capture_output=True, text=True, check=False, cwd=cwd, env=environ
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout
