"""The evaluation of a policy, beside naive bookkeeping of the same games; and the policy itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import imageio.v3
import numpy as np
import pytest
import torch
from dlplug_play.episodes import LANES, Episode, shares
from dlplug_play.episodes import play as play_in
from dlplug_play.films import PICTURES, video_of
from dlplug_rl.environments.atari import PROTOCOLS, AtariEnvironments, ProtocolName
from dlplug_rl.environments.interface import Environments, Seen
from dlplug_rl.evaluation.episodes import Counted, EpsilonGreedy, Playable, episodes, lanes_for
from dlplug_rl.players.stages import gym_stage
from dlplug_rl.policy import Greedy
from dlplug_rl.scores.human import SCORES, human_normalised
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from made import Acting
from odd import registered
from torch import nn

import dlplug
from dlplug import UserError
from dlplug.cli.main import main
from dlplug.contracts import Spec
from dlplug.stop import Stopped, ask_to_stop, withdraw

START = 1_000_003  # what `Stage` adds to a run's seed


class Stage:
    starts = START

    def __init__(self, game: str, frame_limit: int = 1200, protocol: ProtocolName = "classic") -> None:
        self.game, self.frame_limit, self.name = game, frame_limit, protocol
        self.protocol = PROTOCOLS[protocol].text

    def make(self, count: int, seed: int) -> Environments:
        return AtariEnvironments(self.game, count=count, seed=seed, frame_limit=self.frame_limit, protocol=self.name)

    def under(self, protocol: ProtocolName) -> Stage:
        return Stage(self.game, self.frame_limit, protocol)


class Watcher(Acting):
    """Plays at random and remembers all that it was shown."""

    def __init__(self, actions: int) -> None:
        super().__init__(self)
        self.actions, self.generator, self.shown = actions, np.random.default_rng(0), []

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        self.shown.append(obs[:, -1].copy())
        return self.generator.integers(self.actions, size=len(obs))


def play(
    player: Acting, environments: Environments, wanted: np.ndarray, epsilon: float, seed: int
) -> tuple[list[Episode], np.ndarray]:
    exploring = EpsilonGreedy(player, epsilon, environments.spec.output, seed)
    return play_in(exploring, Counted(environments), wanted)


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
    monkeypatch.setattr("dlplug_play.films.PICTURES", 50)
    results = episodes(Watcher(6), Stage("pong", 480), count=1, epsilon=0.0)
    assert results["episode_length"] == 120
    assert len(results["video"].frames) == len(range(0, 121, 3)) <= 50
    assert "3 times as fast" in results["video"].caption
    assert PICTURES * 210 * 320 * 3 < 400e6


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


# --- games that never end ---------------------------------------------------------------------------------------------


@pytest.fixture
def endless():
    """What a recipe would measure on: an environment that nothing ends, and whose reward is its action."""
    with registered(spaces.Box(0, 1, (2,))) as id:
        yield gym_stage(id, 2, 0)[1]


def test_an_episode_that_never_ends_is_cut_and_the_protocol_says_so(endless, monkeypatch):
    monkeypatch.setattr("dlplug_rl.players.stages.EPISODE_LIMIT", 40)
    results = episodes(Acting(lambda obs: np.ones(len(obs), dtype=int)), endless, count=3, epsilon=0.0)
    assert results["return"] == results["return_min"] == results["episode_length"] == 40
    assert results["protocol"] == "Odd-v0; 3 episodes of the greedy policy, 3 of them cut at 40 actions"


def asked_after(calls: int):
    """A policy that is asked to stop while it plays."""
    left = [calls]

    def act(obs):
        left[0] -= 1
        if not left[0]:
            ask_to_stop()
        assert left[0] > -50, "nobody heard"
        return np.zeros(len(obs), dtype=int)

    return act


@pytest.fixture
def stop_withdrawn():
    withdraw()
    yield
    withdraw()


@pytest.mark.usefixtures("stop_withdrawn")
def test_a_stop_is_heard_while_games_are_measured(endless):
    with pytest.raises(Stopped):
        episodes(Acting(asked_after(5)), endless, count=3, epsilon=0.0)


@pytest.mark.usefixtures("stop_withdrawn")
def test_a_stop_is_heard_while_the_best_game_is_filmed():
    policy, stage = Watcher(4), Stage("breakout", 80)
    environments = stage.make(1, 0)
    played, actions = play(policy, environments, np.array([1]), 0.0, 0)
    ask_to_stop()
    with pytest.raises(Stopped):
        video_of(Counted(environments), played[0], actions, "breakout")


# --- no preference for short episodes ---------------------------------------------------------------------------------


class Scripted:
    """Lane i plays episodes of lengths[i] steps, one point each, and begins again as the interface says."""

    frames_per_step = fps = 1
    limit = None
    spec = Spec(input=(1,), output=2)

    def __init__(self, lengths: list[int]) -> None:
        self.count, self.lengths = len(lengths), np.array(lengths)

    def _seen(self, ends: np.ndarray) -> Seen:
        first = self.clock == 0
        no = np.zeros(self.count, dtype=bool)
        return Seen(np.zeros((self.count, 1)), (~first).astype(np.float32), ends, no, first, no)

    def reset(self) -> Seen:
        self.clock = np.zeros(self.count, dtype=int)
        return self._seen(np.zeros(self.count, dtype=bool))

    def send(self, actions: np.ndarray) -> None:
        assert actions.shape == (self.count,)

    def receive(self) -> Seen:
        self.clock = np.where(self.clock == self.lengths, 0, self.clock + 1)
        return self._seen(self.clock == self.lengths)

    def film(self, lane: int, actions: np.ndarray) -> Iterator[np.ndarray] | None:
        return None

    def close(self) -> None:
        pass


@settings(deadline=None, max_examples=50)
@given(count=st.integers(1, 70), data=st.data())
def test_every_environment_plays_its_share(count, data):
    lanes = lanes_for(count)
    assert lanes <= LANES
    assert -(-count // lanes) == -(-count // LANES), "as few rounds as can be"
    lengths = data.draw(st.lists(st.integers(1, 12), min_size=lanes, max_size=lanes))
    wanted = shares(count, lanes)
    assert wanted.sum() == count
    assert wanted.max() - wanted.min() <= 1
    played, actions = play(Acting(lambda obs: np.zeros(len(obs), dtype=int)), Scripted(lengths), wanted, 0.5, 0)
    for lane in range(lanes):
        mine = [episode for episode in played if episode.lane == lane]
        assert len(mine) == wanted[lane]
        for k, episode in enumerate(mine):
            assert episode.length == episode.score == lengths[lane]
            assert episode.sent == (k + 1) * lengths[lane] + k
    assert len(actions) == max(episode.sent for episode in played)


# --- the table of scores ----------------------------------------------------------------------------------------------


def test_the_table_is_the_published_one():
    assert len(SCORES) == 57
    assert list(SCORES) == sorted(SCORES)
    published = {
        "pong": (-20.7, 14.6),
        "breakout": (1.7, 30.5),
        "space_invaders": (148.0, 1668.7),
        "beam_rider": (363.9, 16926.5),
        "qbert": (163.9, 13455.0),
        "ms_pacman": (307.3, 6951.6),
        "seaquest": (68.4, 42054.7),
    }
    assert {game: SCORES[game] for game in published} == published
    assert all(random < human for random, human in SCORES.values())


def test_human_normalised_is_0_for_random_play_and_1_for_the_human():
    for game, (random, human) in SCORES.items():
        assert human_normalised(game, random) == 0
        assert human_normalised(game, human) == pytest.approx(1)
    assert human_normalised("tetris", 100) is None


# --- the policy -------------------------------------------------------------------------------------------------------


class Values(NamedTuple):
    model: nn.Module
    obs: np.ndarray


@pytest.fixture
def network() -> Values:
    torch.manual_seed(0)

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense = nn.Linear(6, 4)

        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            return self.dense(obs.float().flatten(1) / 255)

    return Values(Scaled(), np.random.default_rng(0).integers(256, size=(500, 2, 3), dtype=np.uint8))


def test_greedy_takes_the_highest_value(network):
    policy = Greedy(network.model)
    weight, bias = (p.detach().numpy() for p in network.model.parameters())
    by_hand = (network.obs.reshape(500, 6) / 255) @ weight.T + bias
    assert policy.values(network.obs).numpy() == pytest.approx(by_hand, abs=1e-5)
    first = np.ones(500, dtype=bool)
    actions, state, extras = policy.act(network.obs, policy.start(500), first, greedy=True)
    assert actions.dtype == np.int64
    assert (actions == by_hand.argmax(1)).all()
    assert state is None
    assert not extras["values"].requires_grad
    assert network.model.training, "the mode is the caller's"


def test_epsilon_is_the_share_of_actions_left_to_chance(network):
    def actions(epsilon: float) -> np.ndarray:
        player = EpsilonGreedy(Greedy(network.model), epsilon, 4, seed=1)
        return player.act(network.obs, None, np.ones(500, dtype=bool), greedy=True)[0]

    assert np.bincount(actions(1.0), minlength=4) == pytest.approx([125] * 4, abs=40)
    assert (actions(0.2) != actions(0.0)).mean() == pytest.approx(0.2 * 3 / 4, abs=0.05)
    assert (actions(0.2) == actions(0.2)).all()
