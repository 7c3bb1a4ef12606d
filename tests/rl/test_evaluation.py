"""The evaluation of a policy, beside naive bookkeeping of the same games."""

from __future__ import annotations

import json

import cv2
import imageio.v3
import numpy as np
import pytest
from dlplug_play.films import MAX_FRAMES
from dlplug_rl.environments.atari import PROTOCOLS, AtariEnvironments
from dlplug_rl.evaluation.episodes import Playable, episodes
from dlplug_rl.players.stages import gym_stage
from made import Acting
from watcher import START, Stage, Watcher, play

import dlplug
from dlplug import UserError
from dlplug.cli.main import main


def grey(picture: np.ndarray) -> np.ndarray:
    return (picture[:, ::2] @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)


@pytest.fixture(scope="module")
def evaluated():
    watcher = Watcher(6)
    return watcher, episodes(watcher, Stage("space_invaders"), count=3, epsilon=0.0, seed=2)


def test_scores_are_raw_and_those_of_the_games_shown(evaluated):
    watcher, results = evaluated
    environments = Stage("space_invaders").make(3, 2 + START)
    again = Watcher(6)
    seen, scores, lengths = environments.reset(), {}, {}
    points, steps = [0.0] * 3, [0] * 3
    while len(scores) < 3:
        environments.send(again(seen.obs))
        seen = environments.receive()
        for lane in range(3):
            points[lane] += float(seen.reward[lane])
            steps[lane] += 1
            if (seen.terminated[lane] or seen.truncated[lane]) and lane not in scores:
                scores[lane], lengths[lane] = points[lane], steps[lane]
    values = list(scores.values())
    assert results["return"] == pytest.approx(np.mean(values))
    assert results["return_std"] == pytest.approx(np.std(values))
    assert results["return_min"] == min(values)
    assert results["return_max"] == max(values) > 20
    assert results["episode_length"] == pytest.approx(np.mean(list(lengths.values())))
    assert results["human_normalised"] == pytest.approx((np.mean(values) - 148.0) / (1668.7 - 148.0))

    best = max(scores, key=lambda lane: scores[lane])
    video = results["video"]
    assert len(video.frames) == lengths[best] + 1
    assert f"{scores[best]:g} points" in video.caption
    # Colours are mixed before they are made grey, which may round otherwise where sprites flicker over one another.
    same = [
        (cv2.resize(grey(picture), (84, 84), interpolation=cv2.INTER_AREA) == shown[best]).mean()
        for picture, shown in zip(video.frames, watcher.shown, strict=False)
    ]
    assert min(same) > 0.98


def test_the_video_can_be_written_and_watched(evaluated, tmp_path):
    video = evaluated[1]["video"]
    assert video.fps == 15
    assert video.frames.dtype == np.uint8
    assert video.frames.shape[1:] == (210, 320, 3)
    video.frames = video.frames[-40:]
    video.write(tmp_path / "best.mp4")
    written = imageio.v3.imread(tmp_path / "best.mp4", plugin="pyav")
    assert written.shape == video.frames.shape
    assert np.abs(written.astype(int) - video.frames).mean() < 6


def test_the_video_is_of_the_best_episode_even_if_it_is_not_the_lanes_first(monkeypatch):
    monkeypatch.setattr("dlplug_rl.evaluation.episodes.LANES", 2)
    stage, seed = Stage("breakout", 400), 6
    played, _ = play(Watcher(4), stage.make(2, seed + START), np.array([2, 2]), 0.0, seed + START)
    best = max(played, key=lambda episode: episode.score)
    assert best.sent > best.length, "with this seed the best comes second in its lane"
    watcher = Watcher(4)
    results = episodes(watcher, stage, count=4, epsilon=0.0, seed=seed)
    assert results["return_max"] == best.score
    frames = results["video"].frames
    assert len(frames) == best.length + 1
    begin = best.sent - best.length
    for picture, shown in zip(frames, watcher.shown[begin : best.sent], strict=False):
        assert (cv2.resize(grey(picture), (84, 84), interpolation=cv2.INTER_AREA) == shown[best.lane]).mean() > 0.98


def test_a_long_game_is_shown_faster(monkeypatch):
    monkeypatch.setattr("dlplug_play.films.MAX_FRAMES", 50)
    results = episodes(Watcher(6), Stage("pong", 480), count=1, epsilon=0.0)
    assert results["episode_length"] == 120
    assert len(results["video"].frames) == len(range(0, 121, 3)) <= 50
    assert "3 times as fast" in results["video"].caption
    assert MAX_FRAMES * 210 * 320 * 3 < 400e6


def poles() -> Playable:
    return gym_stage("CartPole-v1", 1, 0)[1]


def test_without_pictures_and_without_a_human_score():
    results = episodes(Watcher(2), poles(), count=5)
    assert set(results) == {"protocol", "return", "return_std", "return_min", "return_max", "episode_length"}
    assert results["return"] == results["episode_length"]
    assert "video" not in episodes(Watcher(4), Stage("breakout", 80), count=1, video=False)


def test_epsilon_one_asks_the_policy_for_nothing():
    stage = Stage("breakout", 400)
    none, all_ = (
        episodes(Acting(lambda obs, action=action: np.full(len(obs), action)), stage, count=4, epsilon=1.0, video=False)
        for action in (0, 3)
    )
    assert none == all_
    idle = episodes(Acting(lambda obs: np.zeros(len(obs), dtype=int)), stage, count=4, epsilon=0.0, video=False)
    assert idle != none


# --- the protocol -----------------------------------------------------------------------------------------------------


def test_the_protocol_that_is_told_is_the_one_that_was_played():
    told = {}
    for name in ("", "classic", "machado"):
        results = episodes(Watcher(4), Stage("breakout", 400), count=3, epsilon=0.001, protocol=name, video=False)
        told[name] = results.pop("protocol"), results
    assert told[""] == told["classic"]
    assert told[""][0] == f"breakout {PROTOCOLS['classic'].text}; 3 episodes at ε 0.001"
    assert told["machado"][0] == f"breakout {PROTOCOLS['machado'].text}; 3 episodes at ε 0.001"
    environments = AtariEnvironments("breakout", count=3, seed=START, frame_limit=400, protocol="machado")
    played, _ = play(Watcher(4), environments, np.ones(3, dtype=int), 0.001, START)
    assert told["machado"][1]["return"] == np.mean([episode.score for episode in played])
    assert told["machado"][1]["episode_length"] == np.mean([episode.length for episode in played])


def test_a_greedy_policy_and_a_single_episode_are_told_as_such():
    assert episodes(Watcher(2), poles(), count=1, epsilon=0.0, video=False)["protocol"] == (
        "CartPole-v1; 1 episode of the greedy policy"
    )


def test_a_protocol_that_there_is_not():
    with pytest.raises(UserError, match=r"CartPole-v1 has one protocol only: leave .*machado out"):
        episodes(Watcher(2), poles(), protocol="machado")


def test_eval_as_a_person_would_type_it(tmp_path, capsys):
    quiet = {"console": "off", "tensorboard": "off", "wandb": "off", "threads": 1, "device": "cpu"}
    small = {"data.learning_starts": 100, "data.replay": 2_000, "data.environments": 2, "steps": 3}
    brief = {"data.game": "breakout", "episodes": 1, "metrics.episodes.epsilon": 1, "metrics.episodes.video": False}
    run = dlplug.run("dqn-atari", {**quiet, **small, **brief}, preset="cpu", out=str(tmp_path / "run"))
    assert run.config["metrics.episodes.count"] == 1
    assert run.result["protocol"] == f"breakout {PROTOCOLS['classic'].text}; 1 episode at ε 1"
    line = f"eval {run.folder} --episodes 2 --protocol machado --epsilon 0.9 --json"
    capsys.readouterr()
    assert main(line.split()) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["protocol"] == f"breakout {PROTOCOLS['machado'].text}; 2 episodes at ε 0.9"
    assert 0 <= values["test/return_min"] <= values["test/return"] <= values["test/return_max"] <= 40
    assert main(["eval", str(run.folder), "--protocol", "nature"]) == 2
    assert "--metrics.episodes.protocol: expected" in capsys.readouterr().err
    assert main(["eval", str(run.folder), "--epsilom", "1"]) == 2
    assert "--metrics.episodes.epsilon?" in capsys.readouterr().err
