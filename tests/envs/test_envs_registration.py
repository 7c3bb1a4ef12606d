"""Gymnasium and Stable-Baselines3 know, make and accept both environments."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import dlplug_envs
import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

IDS = ["dlplug/Catch-v0", "dlplug/Corridor-v0"]


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("id", IDS)
def test_gymnasium_imports_the_package_that_an_id_names(id: str) -> None:
    code = f"""
import gymnasium, json
one = gymnasium.make("dlplug_envs:{id}")
many = gymnasium.make_vec("dlplug_envs:{id}", num_envs=64, vectorization_mode="vector_entry_point")
many.reset(seed=0)
print(json.dumps([one.spec.id, many.num_envs, type(many.unwrapped).__name__]))
"""
    name = {"dlplug/Catch-v0": "CatchVector", "dlplug/Corridor-v0": "CorridorVector"}[id]
    assert json.loads(run_python(code)) == [id, 64, name]


def test_importing_registers_without_importing_an_environment_or_dlplug() -> None:
    code = """
import dlplug_envs, gymnasium, json, sys
print(json.dumps([sorted(id for id in gymnasium.registry if id.startswith("dlplug/")), sorted(sys.modules)]))
"""
    ids, modules = json.loads(run_python(code))
    assert ids == IDS
    assert not {"dlplug", "torch", "dlplug_envs.catch", "dlplug_envs.corridor"} & set(modules)


def test_register_may_be_called_again() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dlplug_envs.register()


def test_register_brings_back_what_was_removed() -> None:
    spec = gymnasium.registry.pop("dlplug/Catch-v0")
    dlplug_envs.register()
    assert gymnasium.registry["dlplug/Catch-v0"] == spec


@pytest.mark.parametrize("id", IDS)
def test_gymnasium_accepts_it_without_a_warning(id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(id, render_mode="rgb_array").unwrapped)


@pytest.mark.parametrize("id", IDS)
def test_stable_baselines3_accepts_it_without_a_warning(id: str) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checker.check_env(gymnasium.make(id, render_mode="rgb_array"), warn=True, skip_render_check=False)


def test_the_readme_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (Path(__file__).parents[2] / "envs" / "README.md").read_text()
    example = readme.split("```python\n")[1].split("```")[0]
    exec(example, {})
    expected = example.rsplit("# prints ", 1)[1].strip()
    assert capsys.readouterr().out.strip() == expected
