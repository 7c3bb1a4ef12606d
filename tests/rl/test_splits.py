"""Training watches games from one set of starts, and `eval` and `verify` report games from another."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from dlplug_report.page.model import build
from dlplug_report.page.sections import verdicts
from dlplug_rl.evaluation.episodes import episodes
from dlplug_rl.players.replaying import Atari, Gym
from dlplug_rl.scores.command import scores
from dlplug_sb3.environments.gym import Gym as Sb3Gym
from dlplug_sb3.evaluation.episodes import episodes as sb3_episodes
from made import made

import dlplug
from dlplug.cli.main import main
from dlplug.host.plugins import load_host
from dlplug.runs.runner import resume

SMALL = {"device": "cpu", "threads": 1, "console": "off", "tensorboard": "off", "wandb": "off"}
LITTLE = {**SMALL, "data.learning_starts": 60, "data.replay": 1_000, "steps": 4, "metrics.episodes.count": 4}


class Enough(Exception):
    pass


class Stranger:
    """A policy that is shown where its games start, and plays none of them."""

    def __init__(self, environments: Any) -> None:
        self.sb3 = self
        self.action_space = getattr(environments, "action_space", None)

    def start(self, count: int) -> None: ...

    def act(self, obs: np.ndarray, *others: object, **more: object) -> Any:
        self.starts = obs.copy()
        raise Enough


DATA = {
    "cartpole": lambda: made(Gym, id="CartPole-v1", environments=2, replay=100, seed=7),
    "catch": lambda: made(Gym, id="dlplug_envs:dlplug/Catch-v0", environments=2, replay=100, seed=7),
    "atari": lambda: made(Atari, game="freeway", environments=2, replay=100, size=42, seed=7),
    "sb3": lambda: Sb3Gym(id="CartPole-v1", environments=2, seed=7),
}


@pytest.fixture
def no_statistics(monkeypatch):
    """The mean frame of a game is of no interest here, and takes 500 steps."""
    monkeypatch.setattr("dlplug_rl.players.stages.FRAMES", {})
    monkeypatch.setattr(
        "dlplug_rl.players.stages.frame_statistics", lambda played, seed: (np.zeros((42, 42), np.float32), 1.0)
    )


@pytest.mark.usefixtures("no_statistics")
@pytest.mark.parametrize("name", DATA)
def test_training_eval_and_test_start_from_other_states_and_always_from_the_same(name):
    data = DATA[name]()
    training: Any = data.environments.reset()
    training = training if name == "sb3" else training.obs
    measure: Any = sb3_episodes if name == "sb3" else episodes

    def starts(split: str, seed: int = 7) -> np.ndarray:
        policy = Stranger(data.environments)
        with pytest.raises(Enough):
            measure(policy, data.split(split), count=2, seed=seed)
        return policy.starts

    watched, reported = starts("eval"), starts("test")
    assert data.splits == ("eval", "test")
    for one, other in ((watched, reported), (training, watched), (training, reported)):
        assert one.shape == other.shape
        assert (one != other).any()
    assert (starts("test") == reported).all()
    data.close()


@pytest.fixture
def trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return dlplug.run("dqn-catch", LITTLE, out="runs/dqn-catch/one")


def test_a_run_watches_eval_and_eval_judges_it_by_test(trained, capsys):
    assert "eval/return" in trained.result["metrics"]
    assert not [name for name in trained.result["metrics"] if name.startswith("test/")]
    assert list(trained.folder.glob("checkpoints/best-*")), "chosen by what is watched"
    assert main(["eval", str(trained.folder), "--metrics.episodes.count", "30"]) == 0
    said = capsys.readouterr().out
    measured = json.loads((trained.folder / "evaluation.json").read_text())["metrics"]
    assert f"test/return {measured['test/return']:.4g}: target " in said
    assert "eval/return" not in measured


def test_a_run_folder_of_before_the_test_split_is_read_evaluated_and_resumed(trained, capsys):
    """Such a folder differs in its evaluation alone, which was of the split that training watched."""
    old = {"metrics": {"eval/return": 0.75}, "protocol": "Catch; 100 episodes", "step": 4, "options": {}}
    (trained.folder / "evaluation.json").write_text(json.dumps(old))
    [verdict] = verdicts(build([trained.folder], load_host()).views[0])
    assert (verdict.claim, verdict.value, verdict.reached) == ("test/return ≥ 1", "", None)
    assert build([trained.folder], load_host()).measured[0] == "eval/return"
    assert scores(["dqn-catch", "--json"]) == 0
    [group] = json.loads(capsys.readouterr().out)
    assert group["metric"] == "eval/return"
    assert group["games"]["Catch-v0"]["scores"] == [trained.result["metrics"]["eval/return"]]
    again = resume(str(trained.folder), {"steps": 6})
    assert (again.result["steps"], "eval/return" in again.result["metrics"]) == (6, True)
    assert main(["eval", str(trained.folder)]) == 0
    capsys.readouterr()
    assert scores(["dqn-catch", "--json"]) == 0
    [group] = json.loads(capsys.readouterr().out)
    assert group["metric"] == "test/return"
