"""What Catch and Corridor do: each rule drawn by hand, and each return that is promised counted out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import gymnasium
import numpy as np
import pytest
from dlplug_envs.catch import Catch, CatchVector
from dlplug_envs.corridor import Corridor, CorridorVector
from dlplug_envs.picture import CELL
from hypothesis import given
from hypothesis import strategies as st

LEFT, MIDDLE, RIGHT = range(3)  # the middle action: stay in Catch, forward in Corridor


def catch_at_start(rows: int, columns: int, ball_column: int) -> Catch:
    env = Catch(rows=rows, columns=columns)
    env.reset(seed=0)
    env.ball_column = ball_column
    return env


def test_catch_looks_as_drawn() -> None:
    env = catch_at_start(4, 3, 0)
    steps = [env.step(action) for action in (LEFT, LEFT, RIGHT)]
    drawn = [
        ["...", "o..", "...", "=.."],
        ["...", "...", "o..", "=.."],
        ["...", "...", "...", "o=."],
    ]
    for (observation, *_), board in zip(steps, drawn, strict=True):
        assert observation.reshape(4, 3).tolist() == [[float(cell != ".") for cell in row] for row in board]
    assert [step[1:] for step in steps] == [(0.0, False, False, {}), (0.0, False, False, {}), (-1.0, True, False, {})]


def test_catch_begins_with_the_ball_in_every_column_alike_and_the_paddle_in_the_middle() -> None:
    env = Catch(rows=3, columns=5)
    env.reset(seed=0)
    boards = np.array([env.reset()[0].reshape(3, 5) for _ in range(2000)])
    assert (boards[:, 2] == [0, 0, 1, 0, 0]).all()
    assert (boards[:, 0].sum(axis=1) == 1).all()
    assert boards[:, 0].mean(axis=0) == pytest.approx(0.2, abs=0.04)


@given(rows=st.integers(2, 8), columns=st.integers(1, 8), data=st.data())
def test_following_the_ball_catches_it_where_there_is_time(rows: int, columns: int, data: st.DataObject) -> None:
    column = data.draw(st.integers(0, columns - 1))
    env = catch_at_start(rows, columns, column)
    rewards = []
    for _ in range(rows - 1):
        move = int(np.sign(column - env.paddle))
        _, reward, terminated, _, _ = env.step(MIDDLE + move)
        rewards.append(reward)
    assert terminated
    assert rewards[:-1] == [0.0] * (rows - 2)
    assert rewards[-1] == (1.0 if abs(column - columns // 2) <= rows - 1 else -1.0)


def test_random_actions_catch_one_ball_in_columns() -> None:
    """Counted out over every ball and every sequence of actions."""
    returns = []
    for column, actions in itertools.product(range(4), itertools.product(range(3), repeat=3)):
        env = catch_at_start(4, 4, column)
        returns.append(sum(env.step(action)[1] for action in actions))
    assert np.mean(returns) == pytest.approx(2 / 4 - 1)


def test_corridor_shows_the_cue_once() -> None:
    env = Corridor(length=3)
    seen = [env.reset(seed=0)[0]]
    seen += [env.step(action)[0] for action in (LEFT, RIGHT, MIDDLE, MIDDLE, MIDDLE, MIDDLE)]
    cue = 0 if env.cue == LEFT else 1
    assert [int(observation.argmax()) for observation in seen] == [cue, 2, 2, 2, 2, 3, 3]
    assert all(sorted(observation) == [0, 0, 0, 1] for observation in seen)


def test_corridor_cues_both_ways_alike() -> None:
    env = Corridor()
    env.reset(seed=0)
    assert np.mean([env.reset()[0][0] for _ in range(2000)]) == pytest.approx(0.5, abs=0.04)


@given(
    length=st.integers(1, 12), penalty=st.sampled_from([0.0, 0.01, 0.5]), seed=st.integers(0, 99), wrong=st.booleans()
)
def test_corridor_pays_for_the_cued_way(length: int, penalty: float, seed: int, wrong: bool) -> None:
    env = Corridor(length=length, step_penalty=penalty)
    cue = LEFT if env.reset(seed=seed)[0][0] else RIGHT
    for _ in range(length):
        assert env.step(MIDDLE)[1:] == (-penalty, False, False, {})
    way = RIGHT - cue if wrong else cue
    assert env.step(way)[1:] == ((-1.0 if wrong else 1.0) - penalty, True, False, {})


@pytest.mark.parametrize("action", [LEFT, MIDDLE])
def test_corridor_is_lost_by_dawdling(action: int) -> None:
    env = Corridor(length=2)
    env.reset(seed=0)
    steps = [env.step(action)[1:4] for _ in range(12)]
    assert steps == [(0.0, False, False)] * 11 + [(-1.0, True, False)]


def expected_return(env: Corridor, policy: Sequence[Sequence[float]]) -> float:
    """Of a policy that knows the observation alone, policy[what is seen][action]: every path, by its probability."""
    total = 0.0
    for cue in (LEFT, RIGHT):
        paths = {(0, 0): 0.5}  # (position, elapsed) -> probability
        while paths:
            following: dict[tuple[int, int], float] = {}
            for (position, elapsed), probability in paths.items():
                seen = cue // 2 if elapsed == 0 else 3 if position == env.length else 2
                for action in range(3):
                    env.cue, env.position, env.elapsed, env._over = cue, position, elapsed, False
                    _, reward, over, _, _ = env.step(action)
                    share = probability * policy[seen][action]
                    total += share * reward
                    if not over and share:
                        following[env.position, env.elapsed] = following.get((env.position, env.elapsed), 0.0) + share
            paths = following
    return total


def test_no_rule_without_memory_beats_the_corridor() -> None:
    for length, penalty in [(1, 0.0), (2, 0.0), (2, 0.1)]:
        env = Corridor(length=length, step_penalty=penalty)
        rules = itertools.product(np.eye(3).tolist(), repeat=4)
        best = max(expected_return(env, rule) for rule in rules)
        assert best == pytest.approx(-penalty * (length + 1))


chances = st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3).map(lambda w: [x / sum(w) for x in w])


@given(length=st.integers(1, 4), policy=st.lists(chances, min_size=4, max_size=4))
def test_no_chances_without_memory_beat_the_corridor(length: int, policy: list[list[float]]) -> None:
    assert expected_return(Corridor(length=length), policy) <= 1e-12


def test_random_actions_in_the_corridor_return_what_the_readme_says() -> None:
    assert expected_return(Corridor(), [[1 / 3] * 3] * 4) == pytest.approx(-0.06, abs=0.005)


@pytest.mark.parametrize("env", [Catch(), Corridor()])
def test_misuse_is_refused(env: gymnasium.Env) -> None:
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(MIDDLE)
    env.reset(seed=0)
    for action in (-1, 3):
        with pytest.raises(ValueError, match="actions are"):
            env.step(action)
    over = False
    while not over:
        over = env.step(LEFT)[2]
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(MIDDLE)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Catch(rows=1), "rows must be at least 2, got 1"),
        (lambda: CatchVector(2, columns=0), "columns must be at least 1, got 0"),
        (lambda: Corridor(length=0), "length must be at least 1, got 0"),
        (lambda: CorridorVector(2, step_penalty=-0.1), "step_penalty must not be negative, got -0.1"),
        (lambda: CatchVector(0), "num_envs must be at least 1, got 0"),
        (lambda: CatchVector(2, max_episode_steps=0), "max_episode_steps must be at least 1, got 0"),
    ],
)
def test_impossible_options_are_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def colours(picture: np.ndarray) -> list[list[tuple[int, ...]]]:
    """One colour a cell; fails where a cell is not of one colour."""
    cells = picture.reshape(picture.shape[0] // CELL, CELL, picture.shape[1] // CELL, CELL, 3)
    assert (cells == cells[:, :1, :, :1]).all()
    return [[tuple(cell) for cell in row] for row in cells[:, 0, :, 0].tolist()]


def test_pictures_show_where_things_are() -> None:
    env = Catch(rows=3, columns=3, render_mode="rgb_array")
    env.reset(seed=0)
    env.ball_column = 0
    env.step(RIGHT)
    picture = env.render()
    assert picture is not None
    assert picture.dtype == np.uint8
    floor, ball, paddle = (70, 74, 88), (255, 200, 60), (92, 170, 255)
    assert colours(picture) == [[floor] * 3, [ball, floor, floor], [floor, floor, paddle]]


@pytest.mark.parametrize("cue", [LEFT, RIGHT])
def test_the_corridor_is_drawn_with_the_cued_arm_marked(cue: int) -> None:
    env = Corridor(length=2, render_mode="rgb_array")
    env.reset(seed=0)
    env.cue = cue
    env.step(MIDDLE)
    picture = env.render()
    assert picture is not None
    wall, floor, player, good, bad = (24, 24, 32), (70, 74, 88), (92, 170, 255), (255, 200, 60), (214, 84, 84)
    up, down = (good, bad) if cue == LEFT else (bad, good)
    assert colours(picture) == [[wall, wall, up], [floor, player, floor], [wall, wall, down]]


def test_no_picture_without_a_render_mode() -> None:
    env = Catch()
    env.reset()
    assert env.render() is None
