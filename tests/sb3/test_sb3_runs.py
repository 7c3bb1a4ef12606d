"""Runs: Stable-Baselines3 inside the run folder, from the first step to a resumed end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dlplug_play.episodes import play
from dlplug_play.films import video_of
from dlplug_sb3 import algorithms
from dlplug_sb3.environments.atari import Atari
from dlplug_sb3.environments.gym import Gym
from dlplug_sb3.evaluation.arena import Arena, seeded
from dlplug_sb3.evaluation.episodes import episodes
from dlplug_sb3.model import Memory
from gymnasium import spaces
from odd import registered
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import ReplayBuffer

import dlplug
from dlplug import UserError, testing
from dlplug.host.plugins import load_host
from dlplug.runs.runner import evaluate, resume
from dlplug.runs.samples import sample
from dlplug.stop import Stopped, ask_to_stop, withdraw

TOYS = str(Path(__file__).parents[1] / "core" / "toys")
QUIET = {"console.show": "off", "tensorboard.write": "off", "wandb.mode": "off", "device": "cpu", "threads": 1}
TINY = {"data.environments": 2, "model.n_steps": 16, "model.batch_size": 16, "model.n_epochs": 2, "log_every": 32}
DQN = {"model": "sb3-dqn", "model.learning_starts": 20, "model.buffer_size": 50, "model.train_freq": 1}


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def lines(run: dlplug.Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_from_end_to_end():
    options = {**QUIET, **TINY, "steps": 128, "eval_every": 64, "metrics.sb3-episodes.count": 3}
    run = dlplug.run("sb3-ppo-cartpole", options, out="run")
    assert run.result["status"] == "finished"
    assert run.result["steps"] == 128
    assert run.result["metrics"]["eval/return"] == run.result["metrics"]["eval/episode_length"]  # 1 for each step
    assert run.result["protocol"] == "CartPole-v1; 3 episodes, likeliest actions"
    logged = lines(run)
    assert [line["step"] for line in logged if "train/value_loss" in line] == [32, 64, 96, 128]
    last = {name for line in logged for name in line}
    assert last >= {"train/loss", "train/approx_kl", "train/updates", "train/return", "train/learning_rate"}
    assert not [name for name in last if "time" in name or "ep_rew" in name]
    assert [line["step"] for line in logged if "eval/return" in line] == [64, 128]
    rates = [line["train/learning_rate"] for line in logged if "train/learning_rate" in line]
    assert rates == sorted(rates, reverse=True)
    saved = {path.name.partition("-")[0] for path in (run.folder / "checkpoints").iterdir()}
    assert saved == {"best", "last", "sb3.zip"}


def test_stable_baselines3_s_own_file_plays_the_same():
    run = dlplug.run("sb3-ppo-cartpole", {**QUIET, **TINY, "steps": 32, "metrics": []}, out="run")
    trained = run.make("trainer").load(run).model.sb3
    alone = PPO.load(run.folder / "checkpoints" / "sb3.zip", device="cpu")
    seen = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    np.testing.assert_array_equal(
        alone.predict(seen, deterministic=True)[0], trained.predict(seen, deterministic=True)[0]
    )
    assert alone.num_timesteps == 32


def test_a_stopped_run_has_saved_and_goes_on():
    """As after Ctrl-C; what is restored is what was saved, to the bit (check_recipe does the same in 20 steps)."""
    host, stopper = load_host(), testing.StopAt(64)
    host.manager.register(stopper)
    run = dlplug.run(
        "sb3-ppo-cartpole", {**QUIET, **TINY, "steps": 128, "metrics.sb3-episodes.count": 2}, out="run", host=host
    )
    host.manager.unregister(stopper)
    assert run.result["status"] == "interrupted"
    assert run.result["steps"] == 66, "one step of both environments into the next rollout"
    assert "eval/return" not in run.result["metrics"]
    resumed = resume("run", host=load_host())
    assert resumed.result["status"] == "finished"
    assert resumed.result["steps"] == 66 + 2 * 32, "whole rollouts from there"
    steps = [line["step"] for line in lines(resumed)]
    assert steps == sorted(steps)
    assert "eval/return" in lines(resumed)[-1]
    longer = resume("run", {"steps": 160})
    assert longer.result["steps"] == 66 + 3 * 32


@pytest.mark.parametrize(
    "options",
    [
        {"data.id": "CartPole-v1", **DQN},
        {"data.id": "CartPole-v1", **DQN, "model.optimize_memory_usage": True, "model.buffer_size": 8},
        {
            "data.id": "Pendulum-v1",
            "model": "sb3",
            "model.algorithm": "sac",
            "model.hyperparameters": ["buffer_size=50", "learning_starts=5", "batch_size=4"],
        },
    ],
    ids=["dqn", "dqn with its memory halved and full", "sac"],
)
def test_off_policy_algorithms_resume_with_replay_optimizers_and_counters(options):
    testing.check_recipe("sb3-ppo-cartpole", {"threads": 1, "data.environments": 1, **options})


@pytest.mark.parametrize("halved", [False, True])
def test_no_window_goes_from_the_episode_that_a_stop_cut_into_the_next(halved, monkeypatch):
    """CartPole pays 1 a step: what the transition before the seam is worth is 1, and never 1 + γ + γ²."""
    memories: list[Memory] = []

    class Kept(Memory):
        def __init__(self, buffer: ReplayBuffer) -> None:
            super().__init__(buffer)
            memories.append(self)

    monkeypatch.setattr("dlplug_sb3.trainer.Memory", Kept)
    more = {"model.optimize_memory_usage": True} if halved else {"model.n_steps": 3}
    host, stopper = load_host(), testing.StopAt(33)
    host.manager.register(stopper)
    options = {**QUIET, **DQN, **more, "model.buffer_size": 300, "data.environments": 1, "steps": 60, "log_every": 1}
    dlplug.run("sb3-ppo-cartpole", {**options, "metrics": []}, out="run", host=host)
    seam = memories[-1].buffer.pos
    assert not memories[-1].buffer.dones[seam - 1], "in the middle of an episode"
    resume("run", host=load_host())
    buffer = memories[-1].buffer
    assert 58 < buffer.pos <= 60  # the step in which a run is stopped is not stored
    sample = buffer._get_samples(np.array([seam - 1]))
    assert float(sample.rewards) == 1.0
    if halved:
        assert float(sample.dones) == 1.0  # its next observation is the next episode's
    else:
        assert float(sample.dones) == 0.0
        assert float(sample.discounts) == pytest.approx(0.99)
        np.testing.assert_array_equal(sample.next_observations[0], buffer.next_observations[seam - 1, 0])


def test_an_episode_that_never_ends_is_cut_and_the_protocol_says_so(monkeypatch):
    monkeypatch.setattr("dlplug_sb3.environments.gym.Gym.episode_limit", 40)
    with registered(spaces.Box(0, 1, (2,)), (), spaces.Discrete(1, start=1)) as id:
        data = Gym(id=id)
        results = episodes(algorithms.ppo(data.spec), data, count=3, video=False)
    assert results["return"] == results["return_min"] == results["episode_length"] == 40
    assert results["protocol"] == "Odd-v0; 3 episodes, likeliest actions, 3 of them cut at 40 actions"


def test_a_stop_is_heard_while_games_are_measured_and_filmed():
    data = Gym(id="dlplug_envs:dlplug/Catch-v0")
    model = algorithms.ppo(data.spec)
    arena = Arena(data, 1, 0)
    (game,), actions = play(model, arena, np.array([1]))
    ask_to_stop()
    try:
        with pytest.raises(Stopped):
            episodes(model, data, count=3)
        with pytest.raises(Stopped):
            video_of(arena, game, actions, "Catch")
    finally:
        withdraw()


def test_eval_and_resume_refuse_another_algorithm():
    dlplug.run(
        "sb3-ppo-cartpole",
        {**QUIET, **DQN, "data.environments": 1, "steps": 30, "metrics.sb3-episodes.count": 1},
        out="run",
    )
    assert evaluate("run", {"metrics.sb3-episodes.count": 2})["test/return"] >= 8
    with pytest.raises(UserError, match="is of another model"):
        evaluate("run", {"data.id": "Acrobot-v1"})
    with pytest.raises(UserError, match=r"replay buffer holds 50 steps of its environments, this one 40: resume with"):
        resume("run", {"model.buffer_size": 40, "steps": 40})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"data": "walk"}, "the trainer sb3 needs --data sb3-atari or --data sb3-gym, not walk"),
        ({"model": "mlp-toy"}, "the trainer sb3 trains a --model named sb3 or sb3-…, not mlp-toy"),
        ({"loss": "q-toy"}, "the trainer sb3 takes no --loss q-toy: its algorithms have their own"),
        ({"trainer": "torch", "data": "walk"}, "PPO collects its own data: use --trainer sb3"),
        ({"trainer": "torch"}, "sb3-ppo-cartpole names none of the losses: give one, or keep the recipe's own trainer"),
        ({"trainer": "torch", "loss": "q-toy", "optimizer": "adam"}, "add --trainer sb3"),
    ],
)
def test_what_does_not_go_together_is_one_line(options, said):
    with pytest.raises(UserError, match=said):
        dlplug.run(
            "sb3-ppo-cartpole", {**QUIET, "steps": 32, "metrics": [], **options}, out="run", host=load_host([TOYS])
        )


def test_a_loss_that_is_not_finite_ends_the_run():
    options = {**QUIET, **DQN, "data.environments": 1, "steps": 64, "log_every": 8, "model.learning_rate": 1e30}
    with pytest.raises(UserError, match=r"loss became (nan|inf) at step"):
        dlplug.run("sb3-ppo-cartpole", options, out="run")
    assert json.loads(Path("run/result.json").read_text())["status"] == "failed"


def test_an_atari_run_counts_frames_and_reports_raw_scores():
    options = {**QUIET, **TINY, "data.game": "breakout", "steps": 64, "metrics.sb3-episodes.count": 1}
    run = dlplug.run("sb3-ppo-atari", options, out="run")
    assert run.result["frames"] == 4 * 64
    assert [line["frames"] for line in lines(run) if "train/loss" in line] == [4 * 32, 4 * 64]
    assert run.result["metrics"]["eval/return"] >= 0
    assert run.result["protocol"].startswith("breakout classic: ")
    assert [path.suffix for path in (run.folder / "media").iterdir()] == [".mp4"]


def test_the_film_is_of_the_game_that_was_scored():
    """The actions, played again from the same seed, give the same score in the same number of steps."""
    data = Atari(game="breakout", environments=1, seed=0)
    model, arena = algorithms.ppo(data.spec), Arena(data, 2, data.starts)
    with seeded(model.sb3, 0):
        played, actions = play(model, arena, np.array([1, 1]), greedy=False)
    assert {episode.lane for episode in played} == {0, 1}
    episode = max(played, key=lambda episode: episode.lane)
    sent = actions[: episode.sent, episode.lane]
    again = data.make(1, data.starts + episode.lane)
    again.reset()
    ended = [info["episode"]["r"] for action in sent for info in again.step(action[None])[3] if "episode" in info]
    assert ended == [episode.score]
    assert episode.length == len(sent)
    video = video_of(arena, episode, actions, "breakout")
    assert video is not None
    assert isinstance(video.frames, np.ndarray)
    assert video.frames.shape == (episode.length, 210, 320, 3)
    assert video.fps == 15
    assert (video.frames[0] != video.frames[-1]).any()


def test_sample_films_games_and_says_where_there_is_nothing_to_see(monkeypatch):
    catch = {"data.id": "dlplug_envs:dlplug/Catch-v0", "device": "cpu", "threads": 1}
    testing.check_sampler("sb3-ppo-cartpole", "sb3-film", {**catch, **TINY}, {"count": 2})
    monkeypatch.setitem(sys.modules, "pygame", None)
    dlplug.run("sb3-ppo-cartpole", {**QUIET, **TINY, "steps": 32, "metrics.sb3-episodes.video": True}, out="run")
    with pytest.raises(UserError, match="CartPole-v1 cannot render images here: pygame is not installed"):
        sample("run")


@pytest.mark.parametrize("name", ["ppo-cartpole", "a2c-atari", "ppo-atari"])
def test_a_run_folder_of_the_old_name_resumes_evaluates_and_is_filmed(name):
    """Before dlplug-rl had recipes of these names, they were this plugin's."""
    catch = {"data": "sb3-gym", "data.id": "dlplug_envs:dlplug/Catch-v0", "data.environments": 2}
    small = {**QUIET, **catch, "model.n_steps": 16, "steps": 32, "metrics.sb3-episodes.count": 2}
    before = dlplug.run(f"sb3-{name}", small, out="run").folder
    config = before / "config.yaml"
    config.write_text(config.read_text().replace(f"recipe: sb3-{name}\n", f"recipe: {name}\n"))
    assert f"recipe: {name}\n" in config.read_text()
    assert evaluate("run").keys() >= {"test/return", "test/episode_length"}
    resumed = resume("run", {"steps": 64})
    assert (resumed.result["recipe"], resumed.result["steps"]) == (f"sb3-{name}", 64)
    assert resumed.result["status"] == "finished"
    config.write_text(config.read_text().replace(f"recipe: sb3-{name}\n", f"recipe: {name}\n"))
    assert "film" in sample("run")


def test_list_shows_which_trainer_a_recipe_uses():
    from dlplug_commands.listing import rows

    trainers = {row["name"]: row["trainer"] for row in rows(load_host(), "recipes")}
    ours = ("sb3-ppo-atari", "sb3-a2c-atari", "sb3-dqn-atari", "sb3-ppo-cartpole")
    assert {trainers[name] for name in ours} == {"sb3"}


@pytest.mark.slow
def test_ppo_balances_the_pole():
    run = dlplug.run("sb3-ppo-cartpole", {**QUIET, "seed": 100}, out="run")
    assert run.result["metrics"]["eval/return"] == 500
