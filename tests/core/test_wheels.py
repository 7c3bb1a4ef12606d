"""The built wheels, installed in a bare environment far from the checkout, work the same: entry points, not the
checkout, find the plugins. Each plugin works alone, with its dependencies and nothing beside them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = sorted([*ROOT.glob("plugins/*/pyproject.toml"), *ROOT.glob("plugins/kits/*/pyproject.toml")])
NAMES = [path.parent.name for path in PROJECTS]
REGISTERING = [path.parent.name for path in PROJECTS if "entry-points" in path.read_text(encoding="utf-8")]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """A folder of the wheels of all distributions here."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    folder = tmp_path_factory.mktemp("wheels")
    run("uv", "build", "--all-packages", "--wheel", "--out-dir", folder, cwd=ROOT)
    return folder


@pytest.fixture
def bare(wheels, tmp_path):
    """A function that installs requirements in a new environment, and gives its folder of programs."""

    def install(*requirements):
        run("uv", "venv", "--python", sys.executable, tmp_path / "bare")
        programs = tmp_path / "bare" / ("Scripts" if os.name == "nt" else "bin")
        run("uv", "pip", "install", "--python", programs / "python", "--find-links", wheels, *requirements)
        return programs

    return install


def test_there_is_a_wheel_of_each_distribution_with_its_types(wheels):
    names = sorted(path.name.split("-")[0] for path in wheels.glob("*.whl"))
    assert names == sorted(["dlplug", *(f"dlplug_{name}" for name in NAMES), "dlplug_envs"])
    for wheel in wheels.glob("*.whl"):
        assert [name for name in ZipFile(wheel).namelist() if name.endswith("/py.typed")], wheel


def test_all_of_them_in_a_bare_environment(wheels, bare, tmp_path):
    (core,) = wheels.glob("dlplug-*.whl")
    programs = bare(f"dlplug[all] @ {core.as_uri()}")
    command = programs / "dlplug"
    plugins = json.loads(run(command, "plugins", "--json", cwd=tmp_path))
    assert {plugin["name"]: plugin["state"] for plugin in plugins} == dict.fromkeys(["core", *REGISTERING], "works")
    recipes = json.loads(run(command, "list", "--json", cwd=tmp_path))
    assert "dqn-atari" in {recipe["name"] for recipe in recipes}
    where = run(programs / "python", "-c", "import dlplug_rl; print(dlplug_rl.__file__)", cwd=tmp_path)
    assert where.startswith(str(tmp_path))
    quick = ["--frames", "2000", "--data.learning-starts", "200", "--data.replay", "2000"]
    quick += ["--metrics.episodes.count", "1"]
    run(command, "run", "dqn-atari", "--preset", "cpu", "--out", tmp_path / "run", *quick, cwd=tmp_path)
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "finished"


# What is registered loads, each recipe resolves as `dlplug show` does it, and every module imports.
CHECK = """
import importlib, pkgutil, sys
from dlplug.host.plugins import KINDS, load_host
from dlplug.options.layers import resolve

host = load_host([], {"DLPLUG_STRICT": "1"})
for kind in KINDS:
    for entry in host.entries(kind):
        if kind != "recipes":
            entry.signature()
        entry.load()
for name in host.names("recipes"):
    for preset in ["", *host.recipe(name).presets]:
        resolve(host, name, [], preset, partly=True)
        for sampler in host.recipe(name).samplers:
            host.get("samplers", getattr(sampler, "name", sampler))
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
"""


@pytest.mark.parametrize("name", NAMES)
def test_each_works_alone(name, bare, tmp_path):
    programs = bare(f"dlplug-{name}")
    plugins = json.loads(run(programs / "dlplug", "plugins", "--json", cwd=tmp_path))
    states = {plugin["name"]: plugin["state"] for plugin in plugins}
    assert states == dict.fromkeys(states, "works")
    assert name in states or name not in REGISTERING
    run(programs / "python", "-c", CHECK, f"dlplug_{name}", cwd=tmp_path)


def run(*arguments, cwd=None):
    environ = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        [str(a) for a in arguments], capture_output=True, text=True, check=False, cwd=cwd, env=environ
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout
