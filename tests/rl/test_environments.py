"""Gymnasium environments behind the players' interface."""

from __future__ import annotations

import itertools

import gymnasium
import numpy as np
import pytest
from dlplug_rl.environments import GymEnvironments, Seen

from dlplug.errors import UserError


def random_play(environments: GymEnvironments, steps: int) -> list[Seen]:
    generator = np.random.default_rng(0)
    seen = [environments.reset()]
    for _ in range(steps):
        environments.send(generator.integers(environments.spec.output, size=environments.count))
        seen.append(environments.receive())
    return seen


def test_spec():
    environments = GymEnvironments("CartPole-v1", count=3)
    assert environments.spec.input == (4,)
    assert environments.spec.output == 2
    seen = environments.reset()
    assert seen.obs.shape == (3, 4)
    assert seen.first.all()
    assert seen.reward.dtype == np.float32


@pytest.mark.parametrize("id", ["CartPole-v1", "Acrobot-v1"])  # a vector version of its own, and one made of singles
def test_the_row_after_an_end_is_first_and_void(id):
    seen = random_play(GymEnvironments(id, count=3), 550)
    ends = 0
    for before, after in itertools.pairwise(seen):
        ended = before.terminated | before.truncated
        ends += ended.sum()
        assert (after.first == ended).all()
        assert not after.reward[after.first].any()
        assert not (after.terminated | after.truncated | after.life_lost)[after.first].any()
    assert ends >= 3


def test_episodes_are_those_of_single_environments():
    """CartPole pays one point a step: a return is the number of steps between two starts."""
    seen = random_play(GymEnvironments("CartPole-v1", count=2), 300)
    lengths, returns, points = [], [], 0.0
    start = 0
    for t, row in enumerate(seen):
        if row.first[0]:
            start, points = t, 0.0
        points += row.reward[0]
        if row.terminated[0]:
            lengths.append(t - start)
            returns.append(points)
    assert len(lengths) >= 5
    assert lengths == returns


@pytest.mark.parametrize(("id", "limit"), [("CartPole-v1", 500), ("MountainCar-v0", 200)])
def test_a_time_limit_truncates_and_shows_the_true_last_observation(id, limit):
    environments = GymEnvironments(id, count=1, seed=5)
    single = gymnasium.make(id).unwrapped  # no limit
    seen = environments.reset()
    single.reset()
    for t in range(1, limit + 1):
        state = np.array(seen.obs[0], dtype=float)
        action = int(state[2] + state[3] > 0) if id == "CartPole-v1" else 1  # balances; stays in the valley
        environments.send(np.array([action]))
        seen = environments.receive()
        assert seen.truncated[0] == (t == limit)
        assert not seen.terminated[0]
    single.state = state
    true = single.step(action)[0]
    assert seen.obs[0] == pytest.approx(true, abs=1e-5)


def test_a_seed_fixes_everything_and_another_does_not():
    one, again, other = (random_play(GymEnvironments("CartPole-v1", count=2, seed=seed), 60) for seed in (1, 1, 2))
    assert all((a == b).all() for x, y in zip(one, again, strict=True) for a, b in zip(x, y, strict=True))
    assert (one[0].obs != other[0].obs).any()


def test_what_was_seen_is_not_overwritten_later():
    for id in ("CartPole-v1", "MountainCar-v0"):
        environments = GymEnvironments(id, count=2)
        seen = environments.reset()
        kept = seen.obs.copy()
        environments.send(np.array([1, 0]))
        environments.receive()
        assert (seen.obs == kept).all()


def test_actions_that_do_not_begin_at_zero():
    class Shifted(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-1, 1, (1,), dtype=np.float32)
        action_space = gymnasium.spaces.Discrete(3, start=5)

        def reset(self, *, seed=None, options=None):
            return np.zeros(1, dtype=np.float32), {}

        def step(self, action):
            assert self.action_space.contains(action)
            return np.zeros(1, dtype=np.float32), float(action), False, False, {}

    gymnasium.register("Shifted-v0", entry_point=Shifted)
    try:
        environments = GymEnvironments("Shifted-v0", count=3)
        environments.reset()
        environments.send(np.array([0, 1, 2]))
        assert environments.receive().reward.tolist() == [5, 6, 7]
    finally:
        del gymnasium.registry["Shifted-v0"]


@pytest.mark.parametrize(
    ("id", "message"),
    [
        ("CartPool-v1", "no Gymnasium environment is called 'CartPool-v1'. Did you mean CartPole-v1"),
        (
            "no_such_module:Thing-v0",
            "needs what is not installed: No module named 'no_such_module'",
        ),
        ("MountainCarContinuous-v0", "a list of actions"),
        ("FrozenLake-v1", "a space of numbers"),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_line(id, message):
    with pytest.raises(UserError) as caught:
        GymEnvironments(id, count=2)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
