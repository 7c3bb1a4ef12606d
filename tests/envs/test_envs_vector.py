"""The vector versions play what single environments play, exactly as Gymnasium's SyncVectorEnv runs those."""

from __future__ import annotations

import copy
import json
from typing import Any

import gymnasium
import numpy as np
import pytest
from dlplug_envs.catch import CatchVector
from dlplug_envs.corridor import CorridorVector
from dlplug_envs.vector import NextStepVectorEnv
from gymnasium.vector import AutoresetMode, VectorEnv
from hypothesis import given
from hypothesis import strategies as st

IDS = ["dlplug/Catch-v0", "dlplug/Corridor-v0", "dlplug/Bricks-v0", "dlplug/Lanes-v0", "dlplug/Invaders-v0"]

catches = st.fixed_dictionaries({"rows": st.integers(2, 6), "columns": st.integers(1, 6)})
corridors = st.fixed_dictionaries({"length": st.integers(1, 5), "step_penalty": st.sampled_from([0.0, 0.01, 1 / 3])})
limits = st.one_of(st.just({}), st.fixed_dictionaries({"max_episode_steps": st.integers(1, 8)}))
games = st.one_of(
    st.tuples(st.just(IDS[0]), st.builds(lambda a, b: a | b, catches, limits)),
    st.tuples(st.just(IDS[1]), st.builds(lambda a, b: a | b, corridors, limits)),
    st.tuples(st.sampled_from(IDS[2:]), limits),
)
Game = tuple[str, dict[str, Any]]


def make(game: Game, count: int, mode: str = "vector_entry_point") -> Any:
    id, options = game
    return gymnasium.make_vec(id, num_envs=count, vectorization_mode=mode, **options)


def draw_actions(data: st.DataObject, game: Game, count: int, most: int = 40) -> np.ndarray:
    steps, seed = data.draw(st.integers(1, most)), data.draw(st.integers(0, 2**32 - 1))
    # Forward half of the time, or the end of a corridor would hardly ever be seen. The games on boards are played to
    # their depths in test_envs_boards.py.
    chances = [0.2, 0.2, 0.2, 0.4] if "Invaders" in game[0] else [0.25, 0.5, 0.25]
    return np.random.default_rng(seed).choice(len(chances), size=(steps, count), p=chances)


def assert_same(ours: tuple, theirs: tuple) -> None:
    """Values, shapes and types, infos included."""
    for a, b in zip(ours, theirs, strict=True):
        if isinstance(a, dict):
            assert a == b
        else:
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b, strict=True)


@given(game=games, count=st.integers(1, 5), seed=st.integers(0, 2**31), data=st.data())
def test_copies_play_what_single_environments_play(game: Game, count: int, seed: int, data: st.DataObject) -> None:
    """n environments of gymnasium.make, seeded s, s + 1, ..., one after the other; the step after an end is a reset."""
    actions = draw_actions(data, game, count)
    many = make(game, count)
    observed = [many.reset(seed=seed)[0]]
    played = [many.step(action)[:4] for action in actions]
    for row in range(count):
        one = gymnasium.make(game[0], **game[1])
        np.testing.assert_array_equal(observed[0][row], one.reset(seed=seed + row)[0])
        over = False
        for action, (observation, reward, terminated, truncated) in zip(actions[:, row], played, strict=True):
            if over:
                expected = (one.reset()[0], 0.0, False, False)
            else:
                expected = one.step(action)[:4]
            np.testing.assert_array_equal(observation[row], expected[0])
            assert (reward[row], terminated[row], truncated[row]) == expected[1:]
            over = terminated[row] or truncated[row]


@given(game=games, count=st.integers(1, 5), seed=st.integers(0, 2**31), data=st.data())
def test_the_same_comes_out_as_from_sync_vector_env(game: Game, count: int, seed: int, data: st.DataObject) -> None:
    ours, theirs = make(game, count), make(game, count, "sync")
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert_same(ours.reset(seed=seed), theirs.reset(seed=seed))
    for action in draw_actions(data, game, count):
        assert_same(ours.step(action), theirs.step(action))


@given(game=games, count=st.integers(1, 5), data=st.data())
def test_resets_by_seed_list_and_mask_are_those_of_sync_vector_env(game: Game, count: int, data: st.DataObject) -> None:
    ours, theirs = make(game, count), make(game, count, "sync")
    seeds = data.draw(st.lists(st.integers(0, 2**31), min_size=count, max_size=count))
    assert_same(ours.reset(seed=seeds), theirs.reset(seed=seeds))
    for _ in range(3):
        for action in draw_actions(data, game, count, most=10):
            assert_same(ours.step(action), theirs.step(action))
        mask = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count).filter(any)))
        again = data.draw(st.none() | st.lists(st.none() | st.integers(0, 99), min_size=count, max_size=count))
        options = {"reset_mask": mask}
        assert_same(ours.reset(seed=again, options=options), theirs.reset(seed=again, options=dict(options)))
        assert options == {"reset_mask": mask}


@given(game=games, count=st.integers(1, 5), seed=st.integers(0, 2**31), data=st.data())
def test_a_saved_state_goes_on_bit_for_bit(game: Game, count: int, seed: int, data: st.DataObject) -> None:
    before, after = draw_actions(data, game, count), draw_actions(data, game, count)
    through = make(game, count)
    through.reset(seed=seed)
    for action in before:
        through.step(action)
    saved = json.loads(json.dumps(through.unwrapped.state_dict()))
    resumed = make(game, count)
    resumed.unwrapped.load_state_dict(saved)
    for action in after:
        assert_same(resumed.step(action), through.step(action))
    assert resumed.unwrapped.state_dict() == through.unwrapped.state_dict()
    assert_same(resumed.reset(), through.reset())


def test_a_state_is_a_snapshot() -> None:
    env = CatchVector(2)
    env.reset(seed=0)
    state = env.state_dict()
    kept = copy.deepcopy(state)
    for _ in range(12):
        env.step(np.array([0, 2]))
    assert state == kept


def test_a_state_of_another_number_of_copies_is_refused() -> None:
    with pytest.raises(ValueError, match="the state is of 2 copies, this environment has 3"):
        CatchVector(3).load_state_dict(CatchVector(2).state_dict())


def test_the_step_after_an_end_ignores_its_action_and_begins_again() -> None:
    env = CatchVector(2, rows=3, columns=5)
    stay = np.array([1, 1])
    env.reset(seed=0)
    env.step(stay)
    env.reset(options={"reset_mask": np.array([False, True])})  # the second copy is one step behind from here on
    _, reward, terminated, _, _ = env.step(stay)
    assert terminated.tolist() == [True, False]
    assert abs(reward).tolist() == [1.0, 0.0]
    observation, reward, terminated, truncated, info = env.step(np.array([77, 1]))  # there is no action 77
    board = observation[0].reshape(3, 5)
    assert board.sum(axis=1).tolist() == [1, 0, 1]
    assert board[2].tolist() == [0, 0, 1, 0, 0]
    assert (reward[0], terminated.tolist(), truncated.tolist(), info) == (0.0, [False, True], [False, False], {})


@pytest.mark.parametrize("id", IDS)
def test_metadata_and_spaces(id: str) -> None:
    env = make((id, {}), 64)
    assert isinstance(env, VectorEnv)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.reset(seed=0)[0] in env.observation_space
    assert env.observation_space.shape == (64, *env.single_observation_space.shape)
    assert env.step(env.action_space.sample())[0] in env.observation_space


@pytest.mark.parametrize("id", IDS)
def test_what_was_returned_belongs_to_the_caller(id: str) -> None:
    """Later steps do not write to it, and writing to it changes no later step."""
    env, scribbled = (make((id, {"max_episode_steps": 5}), 3) for _ in range(2))
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(30)]
    returned = [env.reset(seed=0), *(env.step(action) for action in actions)]
    for number, result in enumerate(returned):
        other = scribbled.step(actions[number - 1]) if number else scribbled.reset(seed=0)
        assert_same(result, other)
        for array in other[:-1]:
            array[...] = 1


@pytest.mark.parametrize("id", IDS)
def test_pictures_are_those_of_the_single_environments(id: str) -> None:
    ours = make((id, {"render_mode": "rgb_array"}), 3)
    theirs = make((id, {"render_mode": "rgb_array"}), 3, "sync")
    for env in (ours, theirs):
        env.reset(seed=5)
        env.step(np.array([0, 1, 2]))
    for a, b in zip(ours.render(), theirs.render(), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    assert make((id, {}), 3).render() is None


@pytest.mark.parametrize("env", [CatchVector(2), CorridorVector(2)])
def test_misuse_is_refused(env: NextStepVectorEnv) -> None:
    half = np.array([True, False])
    with pytest.raises(gymnasium.error.ResetNeeded, match="step was called before reset"):
        env.step(np.array([1, 1]))
    with pytest.raises(gymnasium.error.ResetNeeded, match="the first reset must be of all copies"):
        env.reset(options={"reset_mask": half})
    with pytest.raises(ValueError, match="2 seeds are needed, one for each copy, got 3"):
        env.reset(seed=[1, 2, 3])
    env.reset(seed=0)
    for mask, error in [
        ([True, False], TypeError),
        (half.astype(int), TypeError),
        (half[:1], ValueError),
        (~(half | True), ValueError),
    ]:
        with pytest.raises(error, match="reset_mask must"):
            env.reset(options={"reset_mask": mask})
    for actions in ([1, 3], [-1, 1]):
        with pytest.raises(ValueError, match="actions must be from 0 to 2, got"):
            env.step(np.array(actions))
    with pytest.raises(ValueError, match=r"actions must have the shape \(2,\), got \(1,\)"):
        env.step(np.array([1]))
