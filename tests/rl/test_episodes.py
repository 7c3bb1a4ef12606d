"""Episodes that never end, stops while they are measured, and each environment's share of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from dlplug_play.episodes import LANES, shares
from dlplug_play.films import video_of
from dlplug_rl.environments.interface import TimeStep
from dlplug_rl.evaluation.episodes import Counted, episodes, lanes_for
from dlplug_rl.players.stages import gym_stage
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from made import Acting
from odd import registered
from watcher import Stage, Watcher, play

from dlplug.contracts import Spec
from dlplug.stop import Stopped, ask_to_stop, withdraw

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

    def _seen(self, ends: np.ndarray) -> TimeStep:
        first = self.clock == 0
        no = np.zeros(self.count, dtype=bool)
        return TimeStep(np.zeros((self.count, 1)), (~first).astype(np.float32), ends, no, first, no)

    def reset(self) -> TimeStep:
        self.clock = np.zeros(self.count, dtype=int)
        return self._seen(np.zeros(self.count, dtype=bool))

    def send(self, actions: np.ndarray) -> None:
        assert actions.shape == (self.count,)

    def receive(self) -> TimeStep:
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
