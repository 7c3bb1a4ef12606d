"""Gymnasium environments behind the players' interface."""

from __future__ import annotations

import itertools
import sys

import gymnasium
import numpy as np
import pytest
from dlplug_rl.environments.gym import GymEnvironments
from dlplug_rl.environments.interface import TimeStep
from dlplug_rl.networks.q_network import q_network
from dlplug_rl.players.replaying import Gym
from gymnasium import spaces
from made import made
from odd import registered

from dlplug.errors import UserError

UNIT = spaces.Box(0, 1, (2,))


def random_play(environments: GymEnvironments, steps: int) -> list[TimeStep]:
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
            "no module 'no_such_module' is installed, and the folder",
        ),
        ("my/Walk-v0", "called 'my/Walk-v0'. If your own module registers it, use MODULE:my/Walk-v0"),
        ("dlplug_envs:dlplug/Catsh-v0", "registers no environment 'dlplug/Catsh-v0'. Did you mean dlplug/Catch-v0"),
        ("a b", "'a b' is not a Gymnasium id"),
        (":", "is not a Gymnasium id"),
        ("ale_py:ALE/SpaceInvaders-v5", "run dqn-atari --data.game space_invaders"),
        ("ale_py:PongNoFrameskip-v4", "run dqn-atari --data.game pong"),
        ("MountainCarContinuous-v0", "a Discrete space is needed"),
        ("FrozenLake-v1", "a Box is needed"),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_line(id, message):
    with pytest.raises(UserError) as caught:
        GymEnvironments(id, count=2)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("space", [spaces.Dict(a=UNIT), spaces.Tuple((UNIT,)), spaces.Text(3), spaces.MultiBinary(3),
                                   spaces.MultiDiscrete([2, 3]), spaces.Discrete(3), spaces.Sequence(UNIT),
                                   spaces.Box(0, 1, (0,))])  # fmt: skip
def test_what_no_network_here_can_see_is_refused_in_one_line(space):
    with registered(space) as id, pytest.raises(UserError, match="a Box is needed"):
        GymEnvironments(id, count=2)


@pytest.mark.parametrize("actions", [UNIT, spaces.MultiDiscrete([2, 3]), spaces.MultiBinary(2), spaces.Dict(a=UNIT)])
def test_actions_that_are_no_list_are_refused_in_one_line(actions):
    with registered(UNIT, actions=actions) as id, pytest.raises(UserError, match="a Discrete space is needed"):
        GymEnvironments(id, count=2)


@pytest.mark.parametrize(
    ("space", "shape", "kind"),
    [
        (spaces.Box(0, 1, (2, 3), np.bool_), (2, 3), np.uint8),
        (spaces.Box(0, 255, (2,), np.uint16), (2,), np.float32),
        (spaces.Box(-9, 9, (2,), np.int64), (2,), np.float32),
        (spaces.Box(-1, 1, (2,), np.float64), (2,), np.float32),
        (spaces.Box(-1, 1, ()), (1,), np.float32),
        (spaces.Box(0, 255, (9, 8, 3), np.uint8), (3, 9, 8), np.uint8),
        (spaces.Box(0, 255, (3, 9, 8), np.uint8), (3, 9, 8), np.uint8),
    ],
    ids=str,
)
def test_every_box_is_shown_as_a_network_and_a_replay_want_it(space, shape, kind):
    with registered(space, (1.0,) * 3) as id:
        seen = random_play(GymEnvironments(id, count=2), 5)
        player = made(Gym, id=id, environments=2, replay=100, learning_starts=4, batch_size=2)
        batch = next(player.batches(q_network(player.spec, torso="mlp", hidden=4)))
    assert all(row.obs.shape == (2, *shape) and row.obs.dtype == kind for row in seen)
    assert player.spec.input == shape == tuple(batch.obs.shape[1:])


def test_a_picture_with_its_channels_last_is_the_same_picture():
    with registered(spaces.Box(0, 255, (9, 8, 3), np.uint8)) as id:
        environments = GymEnvironments(id, count=1)
        environments._environments.reset = lambda seed: (np.arange(9 * 8 * 3, dtype=np.uint8).reshape(1, 9, 8, 3), {})
        assert environments.reset().obs[0, 1, 4, 5] == (4 * 8 + 5) * 3 + 1
        assert q_network(environments.spec, torso="tiny").torso[0].in_channels == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rewards": (0.0, float("nan"), 0.0)}, "returned a reward of nan"),
        ({"rewards": (0.0, float("inf"), 0.0)}, "returned a reward of inf"),
        ({"spoilt": 2}, "returned an observation of nan"),
    ],
)
def test_what_is_not_a_number_is_the_environments_fault(given, message):
    with registered(UNIT, **given) as id, pytest.raises(UserError, match=f"the environment {id} {message}"):
        random_play(GymEnvironments(id, count=2), 5)


def test_an_environment_may_be_in_a_module_of_this_folder(tmp_path, monkeypatch):
    (tmp_path / "walks_of_mine.py").write_text(
        "import gymnasium\n"
        "from gymnasium.envs.classic_control import CartPoleEnv\n"
        "gymnasium.register('mine/Walk-v0', entry_point='walks_of_mine:CartPoleEnv', max_episode_steps=9)\n"
    )
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    try:
        assert GymEnvironments("walks_of_mine:mine/Walk-v0", count=2).spec.input == (4,)
        with pytest.raises(UserError, match=r"no environment 'mine/Wolk-v0'\. Did you mean mine/Walk-v0"):
            GymEnvironments("walks_of_mine:mine/Wolk-v0", count=2)
    finally:
        gymnasium.registry.pop("mine/Walk-v0", None)
    assert sys.path == before


def test_a_limit_ends_the_episodes_of_what_never_ends_by_itself():
    with registered(UNIT) as id:
        environments = GymEnvironments(id, count=2, limit=7)
        assert environments.limit == 7
        seen = random_play(environments, 16)
        assert [t for t, row in enumerate(seen) if row.truncated.all()] == [7, 15]
        assert GymEnvironments(id, count=2).limit is None
    assert GymEnvironments("CartPole-v1", count=2, limit=501).limit is None
    assert GymEnvironments("CartPole-v1", count=2, limit=499).limit == 499


@pytest.mark.parametrize(
    ("id", "names"),
    [
        ("Catch", ("left", "stay", "right")),
        ("Corridor", ("left", "forward", "right")),
        ("Bricks", ("left", "stay", "right")),
    ],
)
@pytest.mark.parametrize("limit", [None, 400])
def test_actions_have_the_names_that_the_environment_gives_them(id, names, limit):
    assert GymEnvironments(f"dlplug_envs:dlplug/{id}-v0", count=2, limit=limit).spec.names == names


@pytest.mark.parametrize("id", ["Catch", "Corridor"])
def test_a_limit_that_no_episode_reaches_changes_nothing(id):
    """Where a limit has to be kept, the environments are single ones instead of the registered vector."""
    plain, limited = (
        random_play(GymEnvironments(f"dlplug_envs:dlplug/{id}-v0", count=3, limit=limit), 120) for limit in (None, 999)
    )
    assert all((a == b).all() for x, y in zip(plain, limited, strict=True) for a, b in zip(x, y, strict=True))
