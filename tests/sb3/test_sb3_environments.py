"""What is played: the emulator under both protocols, Gymnasium's environments, and what is taken down of episodes."""

from __future__ import annotations

import sys

import gymnasium
import numpy as np
import pytest
from ale_py import roms
from ale_py.env import AtariEnv
from dlplug_sb3 import algorithms
from dlplug_sb3.environments.atari import Atari, find_game
from dlplug_sb3.environments.base import Sb3Data
from dlplug_sb3.environments.gym import Gym
from gymnasium import spaces
from odd import registered
from stable_baselines3.common.atari_wrappers import EpisodicLifeEnv, FireResetEnv, NoopResetEnv

from dlplug import UserError

UNIT = spaces.Box(0, 1, (2,))
PICTURE = spaces.Box(0, 255, (9, 8, 3), np.uint8)


def play_at_random(data: Sb3Data, steps: int, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Rewards and ends of each step, as an algorithm is shown them."""
    generator = np.random.default_rng(seed)
    data.environments.reset()
    rewards, ends = [], []
    for _ in range(steps):
        actions = generator.integers(data.spec.output, size=data.environments.num_envs)
        _, reward, ended, infos = data.environments.step(actions)
        data.remember(infos)
        rewards.append(reward)
        ends.append(ended)
    return rewards, ends


def wrappers(data: Atari) -> set[type]:
    layer = data.environments.unwrapped.envs[0]
    found = set()
    while isinstance(layer, gymnasium.Wrapper):
        found.add(type(layer))
        layer = layer.env
    return found


@pytest.mark.parametrize("name", ["space_invaders", "Space Invaders", "space-invaders", "SpaceInvaders"])
def test_a_game_may_be_spelled_in_any_way(name):
    assert find_game(name) == ("space_invaders", "ALE/SpaceInvaders-v5")


def test_unknown_games_get_the_nearest_and_games_for_two_are_refused():
    with pytest.raises(UserError, match=r"no Atari game is called 'breakuot'\. Did you mean breakout"):
        find_game("breakuot")
    with pytest.raises(UserError, match="no Atari game is called 'warlords'"):
        find_game("warlords")


@pytest.mark.parametrize("module", ["ale_py", "cv2"])
def test_what_is_not_installed_is_named_with_the_remedy(module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"needs {module}.* pip install ale-py opencv-python"):
        find_game("pong")


def test_protocols_are_what_they_say():
    ended = {EpisodicLifeEnv, FireResetEnv, NoopResetEnv}
    for protocol, sticky, present in (("classic", 0.0, ended), ("machado", 0.25, set())):
        data = Atari(game="breakout", protocol=protocol, environments=1, seed=0)
        emulator = data.environments.unwrapped.envs[0].unwrapped
        assert emulator.ale.getFloat("repeat_action_probability") == sticky
        assert wrappers(data) & ended == present
        assert data.spec.input == (4, 84, 84)
        assert data.spec.output == 4
        assert data.environments.reset().dtype == np.uint8
        assert f"breakout {protocol}: " in data.protocol
        data.close()


def test_a_score_can_be_measured_under_the_other_protocol():
    data = Atari(game="breakout", environments=1, seed=0)
    other = data.under("machado")
    environments = other.make(1, 0)
    assert environments.unwrapped.envs[0].unwrapped.ale.getFloat("repeat_action_probability") == 0.25
    assert data.environments.unwrapped.envs[0].unwrapped.ale.getFloat("repeat_action_probability") == 0
    assert data.protocol.startswith("breakout classic: ")
    assert other.protocol.startswith("breakout machado: ")
    environments.close()
    data.close()
    with pytest.raises(UserError, match=r"CartPole-v1 has one protocol only: leave .*machado out"):
        Gym(environments=1).under("machado")


def test_rewards_are_clipped_returns_are_raw_and_a_lost_life_ends_no_episode(monkeypatch):
    """Against the emulator's own rewards, added up beneath all wrappers."""
    totals = [0.0]
    step = AtariEnv.step

    def counted(self, action):
        seen, reward, terminated, truncated, info = step(self, action)
        totals[-1] += float(reward)
        if terminated or truncated:
            totals.append(0.0)
        return seen, reward, terminated, truncated, info

    monkeypatch.setattr(AtariEnv, "step", counted)
    data = Atari(game="space-invaders", environments=1, seed=3)
    rewards, ends = play_at_random(data, 600)
    data.close()
    assert set(np.concatenate(rewards)) == {0.0, 1.0}
    assert [score for score, _ in data.finished] == totals[:-1]
    assert max(totals) >= 5
    assert len(data.finished) < np.sum(ends), "three lives are one episode"
    lengths = [length for _, length in data.finished]
    last = [index + 1 for index, ended in enumerate(ends) if ended]
    assert set(np.cumsum(lengths)) <= set(last)
    values = data.values()
    assert values["return"] == pytest.approx(np.mean(totals[:-1]))
    assert values["episode_length"] == pytest.approx(np.mean(lengths))
    assert data.values() == {}


def test_environment_i_has_the_seed_plus_i():
    several, one = Gym(id="CartPole-v1", environments=3, seed=5), Gym(id="CartPole-v1", seed=7)
    np.testing.assert_array_equal(several.environments.reset()[2], one.environments.reset()[0])


def test_any_gymnasium_environment_is_played_and_an_unknown_one_refused():
    catch = Gym(id="dlplug_envs:dlplug/Catch-v0", environments=2)
    assert (catch.spec.input, catch.spec.output, catch.unit) == ((50,), 3, "")
    pendulum = Gym(id="Pendulum-v1")
    assert (pendulum.spec.input, pendulum.spec.output) == ((3,), 1)
    with pytest.raises(UserError, match=r"no Gymnasium environment is called 'CartPoll-v1'\. Did you mean CartPole-v1"):
        Gym(id="CartPoll-v1")
    with pytest.raises(UserError, match="environments must be at least 1"):
        Gym(environments=0)


@pytest.mark.parametrize("game", ["backgammon", "video-checkers"])
def test_games_without_a_no_op_begin_with_some_all_the_same(game):
    begun = set()
    for seed in (0, 1):
        data = Atari(game=game, environments=1, seed=seed)
        frames = data.environments.reset()
        assert frames.shape == (1, 4, 84, 84)
        begun.add(data.environments.unwrapped.envs[0].unwrapped.ale.getEpisodeFrameNumber())
        play_at_random(data, 2)
        data.close()
    assert len(begun) == 2
    assert max(begun) <= 31


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["classic", "machado"])
@pytest.mark.parametrize("game", sorted({*roms.get_all_rom_ids()} - {"combat", "joust", "maze_craze", "warlords"}))
def test_every_game_is_played(game, protocol):
    data = Atari(game=game, protocol=protocol, environments=1)
    play_at_random(data, 3)
    data.close()


def learnt(id, algorithm, **options):
    """The algorithm after three steps for each of two environments, and an update."""
    data = Gym(id=id, environments=2)
    brief = {"dqn": {"learning_starts": 2, "buffer_size": 20, "train_freq": 1}, "ppo": {"n_steps": 3, "n_epochs": 1}}
    model = getattr(algorithms, algorithm)(data.spec, **brief[algorithm], batch_size=2, **options)
    model.sb3.learn(6)
    return model.sb3


@pytest.mark.parametrize("algorithm", ["ppo", "dqn"])
@pytest.mark.parametrize(
    "space",
    [spaces.Box(0, 1, (2, 3), np.bool_), spaces.Box(0, 255, (2,), np.uint16), spaces.Box(-1, 1, ()), PICTURE,
     spaces.Discrete(3, start=2), spaces.MultiDiscrete([2, 3], start=[1, -1]), spaces.MultiBinary(3),
     spaces.Dict(a=UNIT, b=spaces.Discrete(2))],
    ids=str,
)  # fmt: skip
def test_every_observation_that_a_policy_can_see_is_learnt_from(space, algorithm):
    with registered(space, (1.0,) * 4) as id:
        learnt(id, algorithm)


@pytest.mark.parametrize(
    ("actions", "algorithm"),
    [(spaces.Discrete(2, start=5), "dqn"), (spaces.Discrete(2, start=5), "ppo"),
     (spaces.MultiDiscrete([2, 3], start=[3, 2]), "ppo"), (spaces.Box(2, 3, ()), "ppo")],
    ids=str,
)  # fmt: skip
def test_actions_that_do_not_begin_at_zero_are_the_environments_own(actions, algorithm):
    with registered(UNIT, actions=actions) as id:
        sb3 = learnt(id, algorithm)
        assert sb3.get_env().get_attr("taken")[0]  # each was one of the space's, or the environment had raised


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"space": spaces.Tuple((UNIT,))}, r"space Tuple.*Box, Discrete, MultiDiscrete, MultiBinary or a Dict of them"),
        ({"space": spaces.Text(3)}, "observation space Text"),
        ({"space": spaces.Sequence(UNIT)}, "observation space Sequence"),
        ({"space": spaces.Dict(a=spaces.Dict(b=UNIT))}, "observation space Dict"),
        ({"space": spaces.Dict(a=spaces.Discrete(2, start=1))}, "counts classes from 0"),
        ({"space": spaces.Dict(a=PICTURE)}, "PPO cannot build a network for observations Dict"),
        ({"actions": spaces.Dict(a=UNIT)}, "action space Dict"),
        ({"actions": spaces.Text(2)}, "action space Text"),
        ({"actions": spaces.Box(0, 5, (2,), np.int32)}, "a Box of floats is needed"),
    ],
    ids=str,
)
def test_spaces_that_no_algorithm_can_serve_are_refused_before_the_first_step(given, message):
    with registered(**{"space": UNIT, **given}) as id, pytest.raises(UserError, match=message) as caught:
        algorithms.ppo(Gym(id=id).spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rewards": (0.0, float("nan"), 0.0)}, "returned a reward of nan"),
        ({"spoilt": 2}, "returned an observation of nan"),
        ({"spoilt": 2, "space": spaces.Dict(a=UNIT, b=UNIT)}, "returned an observation of nan"),
    ],
)
def test_what_is_not_a_number_is_the_environments_fault(given, message):
    with registered(**{"space": UNIT, **given}) as id, pytest.raises(UserError, match=f"environment {id} {message}"):
        learnt(id, "ppo")


def test_an_environment_may_be_in_a_module_of_this_folder(tmp_path, monkeypatch):
    (tmp_path / "poles_of_mine.py").write_text(
        "import gymnasium\n"
        "from gymnasium.envs.classic_control import CartPoleEnv\n"
        "gymnasium.register('mine/Pole-v0', entry_point='poles_of_mine:CartPoleEnv')\n"
    )
    monkeypatch.chdir(tmp_path)
    try:
        assert Gym(id="poles_of_mine:mine/Pole-v0").spec.input == (4,)
        with pytest.raises(UserError, match=r"registers no environment 'mine/Poll-v0'\. Did you mean mine/Pole-v0"):
            Gym(id="poles_of_mine:mine/Poll-v0")
    finally:
        gymnasium.registry.pop("mine/Pole-v0", None)
    with pytest.raises(UserError, match=r"called 'my/Walk-v0'\. If your own module registers it"):
        Gym(id="my/Walk-v0")
    with pytest.raises(UserError, match="'a b' is not a Gymnasium id"):
        Gym(id="a b")
