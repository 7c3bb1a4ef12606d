"""The recipes: their presets say what they claim to, and the small games are learnt to their maximum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dlplug
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve

QUIET = {"console.show": "off", "tensorboard.write": "off", "wandb.mode": "off", "device": "cpu", "threads": 1}


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
        "loss.bootstrap": "greedy",
        "loss.error": "squared",
        "data.clip_reward": True,
        "data.protocol": "classic",
        "data.size": 84,
        "model": "q-network",
        "model.torso": "nature",
        "model.dueling": False,
        "model.noisy": False,
        "model.layer_norm": False,
        "model.returns": "mean",
        "data.priority": 0,
        "model.hidden": 512,
        "model.scaling": "unit",
    }
    assert {name: paper[name] for name in theirs} == theirs


def test_presets_differ_as_they_say() -> None:
    cpu, gpu = config("dqn-atari", "cpu"), config("dqn-atari", "gpu")
    assert (cpu["data.size"], cpu["model.torso"]) == (42, "small")
    assert (gpu["data.size"], gpu["model.torso"], gpu["graph"]) == (84, "nature", True)
    assert cpu["data.game"] == gpu["data.game"] == "pong"
    assert cpu["loss.bootstrap"] == gpu["loss.bootstrap"] == "double"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [100, 101])
@pytest.mark.parametrize(("recipe", "maximum"), [("dqn-cartpole", 500), ("dqn-catch", 1)])
def test_small_games_are_learnt_to_their_maximum(recipe: str, maximum: float, seed: int, tmp_path: Path) -> None:
    run = dlplug.run(recipe, {"seed": seed}, out=str(tmp_path / "run"))
    assert run.result["metrics"]["eval/return"] == maximum


def test_rainbow_is_the_paper_s() -> None:
    """Hessel et al. 2018, table 1; its counts are in frames, here in steps of four, or in updates."""
    rainbow = config("rainbow-atari")
    theirs = {
        "data.learning_starts": 80_000 // 4,
        "data.epsilon_start": 0,
        "data.epsilon_end": 0,
        "optimizer.learning_rate": 6.25e-5,
        "optimizer.epsilon": 1.5e-4,
        "loss.target_every": 32_000 // 4 // 4,
        "data.priority": 0.5,
        "data.importance": 0.4,
        "data.n_step": 3,
        "model.atoms": 51,
        "model.low": -10,
        "model.high": 10,
        "model.noisy": True,
        "model.dueling": True,
        "loss": "c51",
        "loss.bootstrap": "double",
        "data.batch_size": 32,
        "data.replay": 1_000_000,
        "data.train_every": 4,
        "data.gamma": 0.99,
    }
    assert {name: rainbow[name] for name in theirs} == theirs


@pytest.mark.parametrize("preset", ["", "cpu", "gpu"])
def test_a_rollout_of_pqn_makes_equal_minibatches(preset: str) -> None:
    pqn = config("pqn-atari", preset)
    assert pqn["data.rollout"] * pqn["data.environments"] % pqn["data.minibatches"] == 0


@pytest.mark.parametrize("recipe", ["dqn", "double-dqn", "c51", "qr-dqn", "iqn", "rainbow", "btr", "pqn"])
def test_every_atari_recipe_starts_on_two_cores(recipe: str, tmp_path: Path) -> None:
    """With the preset's own network and batches. It plays one game at once: each takes long to load."""
    options = {**QUIET, "data.game": "freeway", "data.environments": 1, "metrics": [], "steps": 6}
    if recipe != "pqn":
        options |= {"data.replay": 2_000, "data.learning_starts": 60}
    run = dlplug.run(f"{recipe}-atari", options, preset="cpu", out=str(tmp_path / "run"))
    assert (run.result["status"], run.result["steps"]) == ("finished", 6)
    assert run.result["frames"] >= 4 * (32 if recipe == "pqn" else 60 + 5 * 2)


CATEGORICAL = {"loss": "c51", "model.returns": "categorical", "model.low": -1.0, "model.high": 1.0}
VARIANTS: dict[str, dict[str, Any]] = {
    "greedy": {"loss.bootstrap": "greedy"},
    "dueling": {"model.dueling": True},
    "prioritised": {"data.priority": 0.6},
    "munchausen": {"loss.bootstrap": "munchausen"},
    "noisy": {"model.noisy": True, "data.epsilon_start": 0.0, "data.epsilon_end": 0.0},
    "c51": CATEGORICAL,
    "qr-dqn": {"loss": "qr-dqn", "model.returns": "quantile", "model.atoms": 21},
    "iqn": {
        "loss": "iqn",
        "model.returns": "implicit",
        "model.atoms": 16,
        "loss.fractions": 8,
        "loss.goal_fractions": 8,
    },
    "rainbow": CATEGORICAL
    | {"model.dueling": True, "data.priority": 0.5, "data.n_step": 3, "model.noisy": True}
    | {"data.epsilon_start": 0.0, "data.epsilon_end": 0.0},
    "pqn": {
        "data": "gym-rollout",
        "data.id": "dlplug_envs:dlplug/Catch-v0",
        "loss": "pqn",
        "model.layer_norm": True,
        "optimizer": "radam",
        "frames": 60_000,
    },
}


# On a board of 4 x 5, where an episode takes 3 steps, and at three times the learning rate.
SOON = {"frames": 1_100, "data.learning_starts": 200, "loss.target_every": 10, "optimizer.learning_rate": 3e-3}
QUICK: dict[str, dict[str, Any]] = {
    "iqn": {"model.atoms": 8, "loss.fractions": 4, "loss.goal_fractions": 4},
    "munchausen": {"frames": 1_800, "loss.target_every": 20},
    "rainbow": {"frames": 1_800},
    "pqn": {"frames": 10_000, "optimizer.learning_rate": 3e-3},
}


@pytest.mark.parametrize(
    "variant", [pytest.param(name, marks=pytest.mark.slow if name == "rainbow" else ()) for name in VARIANTS]
)
def test_every_variant_learns_to_catch(variant: str, small_catch: str, tmp_path: Path) -> None:
    given = VARIANTS[variant]
    soon: dict[str, Any] = {} if variant == "pqn" else SOON
    exploring = {} if variant == "pqn" or "data.epsilon_start" in given else {"data.epsilon_steps": 600}
    options = {**QUIET, **given, **soon, **exploring, **QUICK.get(variant, {}), "data.id": small_catch}
    run = dlplug.run("dqn-catch", options, out=str(tmp_path / "run"))
    assert run.result["metrics"]["eval/return"] > 0.9


POLE: dict[str, dict[str, Any]] = {
    **VARIANTS,
    "c51": CATEGORICAL | {"model.high": 100.0, "model.low": 0.0},
    "rainbow": VARIANTS["rainbow"] | {"model.high": 100.0, "model.low": 0.0},
    "noisy": VARIANTS["noisy"] | {"frames": 100_000},
    # many quantiles follow a far goal slowly, and need the next one sooner
    "qr-dqn": VARIANTS["qr-dqn"] | {"model.atoms": 11, "loss.target_every": 50},
    "iqn": VARIANTS["iqn"] | {"model.atoms": 8, "loss.fractions": 4, "loss.goal_fractions": 4, "loss.target_every": 50},
    "pqn": VARIANTS["pqn"] | {"data.id": "CartPole-v1", "optimizer.schedule": "linear", "frames": 200_000},
}


@pytest.mark.slow
@pytest.mark.parametrize("variant", POLE)
def test_every_variant_balances_the_pole(variant: str, tmp_path: Path) -> None:
    run = dlplug.run("dqn-cartpole", {**POLE[variant], "seed": 100}, out=str(tmp_path / "run"))
    assert run.result["metrics"]["eval/return"] >= 475, "the reward threshold of CartPole-v1"
