"""The recipes: their presets say what they claim to, and the small games are learnt to their maximum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dlplug
from dlplug.options import resolve
from dlplug.plugins import load_host


def config(recipe: str, preset: str = "", **options: Any) -> dict[str, Any]:
    return dict(resolve(load_host(), recipe, [options], preset))


def test_paper_is_cleanrl_s_dqn_atari_to_the_letter() -> None:
    """Against the defaults of cleanrl/dqn_atari.py; its counts are in steps, here of four frames."""
    paper = config("dqn-atari", "paper")
    steps = paper["frames"] // 4
    assert steps == 10_000_000
    theirs = {
        "optimizer": "adam",
        "optimizer.learning_rate": 1e-4,
        "optimizer.beta1": 0.9,
        "optimizer.beta2": 0.999,
        "optimizer.epsilon": 1e-8,
        "optimizer.clip_norm": None,
        "optimizer.schedule": "constant",
        "data.environments": 1,
        "data.replay": 1_000_000,
        "data.gamma": 0.99,
        "data.batch_size": 32,
        "data.epsilon_start": 1,
        "data.epsilon_end": 0.01,
        "data.epsilon_steps": 0.10 * steps,
        "data.learning_starts": 80_000,
        "data.train_every": 4,
        "loss.target_every": 1000 // 4,
        "data.n_step": 1,
        "loss.double": False,
        "loss.error": "squared",
        "data.clip_reward": True,
        "data.protocol": "classic",
        "data.size": 84,
        "model": "nature",
        "model.hidden": 512,
        "model.scaling": "unit",
    }
    assert {name: paper[name] for name in theirs} == theirs


def test_presets_differ_as_they_say() -> None:
    cpu, gpu = config("dqn-atari", "cpu"), config("dqn-atari", "gpu")
    assert (cpu["data.size"], cpu["model"]) == (42, "small")
    assert (gpu["data.size"], gpu["model"], gpu["graph"]) == (84, "nature", True)
    assert cpu["data.game"] == gpu["data.game"] == "pong"
    assert (cpu["loss.double"], gpu["loss.double"]) == (True, True)


def test_a_run_of_an_atari_game_reports_raw_scores(tmp_path: Path) -> None:
    options = {
        "data.game": "freeway",
        "data.replay": 3_000,
        "data.learning_starts": 100,
        "metrics": [],
        "steps": 30,
        "threads": 1,
    }
    run = dlplug.run("dqn-atari", options, preset="cpu", out=str(tmp_path / "run"))
    assert run.result["status"] == "finished"
    assert run.result["steps"] == 30
    assert run.result["frames"] >= 4 * (100 + 29 * 2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [100, 101])
@pytest.mark.parametrize(("recipe", "maximum"), [("dqn-cartpole", 500), ("dqn-catch", 1)])
def test_small_games_are_learnt_to_their_maximum(recipe: str, maximum: float, seed: int, tmp_path: Path) -> None:
    run = dlplug.run(recipe, {"seed": seed}, out=str(tmp_path / "run"))
    assert run.result["metrics"]["eval/return"] == maximum
