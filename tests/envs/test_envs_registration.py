"""Gymnasium and Stable-Baselines3 know, make and accept the environments."""

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

BOARDS = ["dlplug/Bricks-v0", "dlplug/Invaders-v0", "dlplug/Lanes-v0"]
IDS = ["dlplug/Catch-v0", "dlplug/Corridor-v0", *BOARDS]


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
    name = id.removeprefix("dlplug/").removesuffix("-v0") + "Vector"
    assert json.loads(run_python(code)) == [id, 64, name]


def test_importing_registers_without_importing_an_environment_or_dlplug() -> None:
    code = """
import dlplug_envs, gymnasium, json, sys
print(json.dumps([sorted(id for id in gymnasium.registry if id.startswith("dlplug/")), sorted(sys.modules)]))
"""
    ids, modules = json.loads(run_python(code))
    assert ids == sorted(IDS)
    assert not {"dlplug", "torch"} & set(modules)
    assert [name for name in modules if name.startswith("dlplug_envs")] == ["dlplug_envs"]


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
def test_stable_baselines3_accepts_it(id: str) -> None:
    """Without a warning, but that it takes a board of 10 x 10 for a picture, as `BoardGame` says."""
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        checker.check_env(gymnasium.make(id, render_mode="rgb_array"), warn=True, skip_render_check=False)
    expected = ["bounds are not in [0, 255]", "minimal resolution for an image is 36x36"] if id in BOARDS else []
    assert len(said) == len(expected)
    assert all(words in str(warning.message) for words, warning in zip(expected, said, strict=True))


@pytest.mark.parametrize("id", BOARDS)
def test_stable_baselines3_leaves_a_board_unscaled(id: str) -> None:
    preprocessing = pytest.importorskip("stable_baselines3.common.preprocessing")
    torch = pytest.importorskip("torch")
    env = gymnasium.make(id)
    seen = torch.as_tensor(env.reset(seed=0)[0])[None]
    assert not preprocessing.is_image_space(env.observation_space)
    assert torch.equal(preprocessing.preprocess_obs(seen, env.observation_space, normalize_images=True), seen.float())


def test_the_readme_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (Path(__file__).parents[2] / "envs" / "README.md").read_text()
    example = readme.split("```python\n")[1].split("```")[0]
    exec(example, {})
    expected = example.rsplit("# prints ", 1)[1].strip()
    assert capsys.readouterr().out.strip() == expected
