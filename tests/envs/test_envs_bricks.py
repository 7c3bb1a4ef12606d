"""What Bricks does: each rule by itself, on a board set up by hand."""

from __future__ import annotations

import numpy as np
import pytest
from board_cells import cells
from dlplug_envs.bricks import Bricks

LEFT, STAY, RIGHT, FIRE = range(4)
UP, DOWN = 0, 2


def bricks_at(ball: tuple[int, int], way: tuple[int, int], paddle: int, bricks: set[tuple[int, int]]) -> Bricks:
    env = Bricks()
    env.reset(seed=0)
    (env.ball_row, env.ball_column), (env.fall, env.drift) = ball, way
    env.paddle, env.bricks = paddle, set(bricks)
    return env


def flight(env: Bricks, steps: int, action: int = STAY) -> list[tuple[int, int]]:
    return [cells(env.step(action)[0], 3).pop() for _ in range(steps)]


def test_bricks_begins_with_a_serve_and_a_wall_with_a_gap_in_each_row() -> None:
    env = Bricks()
    env.reset(seed=0)
    starts = np.array([env.reset()[0] for _ in range(2000)])
    assert (starts[:, 0] == starts[0, 0]).all()
    assert cells(starts[0], 0) == {(9, 4), (9, 5)}
    assert (starts[:, 1, 1:4].sum(axis=2) == 9).all()
    assert (starts[:, 1, [0, *range(4, 10)]] == 0).all()
    assert starts[:, 1, 1:4].mean(axis=0) == pytest.approx(np.full((3, 10), 0.9), abs=0.04)
    assert starts[:, 3, 4].mean(axis=0) == pytest.approx(0.1, abs=0.04)
    inside = starts[(starts[:, 3, 4, 1:9].sum(axis=1) == 1)]
    ball, heading = inside[:, 3, 4].argmax(axis=1), inside[:, 2, 5].argmax(axis=1)
    assert set((heading - ball).tolist()) == {-1, 1}
    assert np.mean(heading - ball) == pytest.approx(0, abs=0.1)


def test_the_ball_bounces_off_the_sides_and_the_ceiling() -> None:
    env = bricks_at((5, 2), (-1, -1), 4, {(9, 9)})
    assert flight(env, 9) == [(4, 1), (3, 0), (2, 1), (1, 2), (0, 3), (1, 4), (2, 5), (3, 6), (4, 7)]


def test_a_brick_breaks_and_turns_the_ball_round() -> None:
    env = bricks_at((4, 5), (-1, 1), 4, {(3, 6), (2, 2)})
    observation, reward, terminated, _, _ = env.step(STAY)
    assert (reward, terminated) == (1.0, False)
    assert (cells(observation, 1), cells(observation, 3), cells(observation, 2)) == ({(2, 2)}, {(4, 5)}, {(5, 6)})
    assert env.step(STAY)[1] == 0.0
    assert (env.ball_row, env.ball_column) == (5, 6)


def test_a_ball_on_the_wall_breaks_it_from_above() -> None:
    env = bricks_at((0, 5), (1, 1), 4, {(1, 6), (2, 7)})
    steps = [env.step(STAY) for _ in range(3)]
    assert [step[1] for step in steps] == [1.0, 0.0, 1.0]
    assert [cells(step[0], 3).pop() for step in steps] == [(0, 5), (1, 6), (1, 6)]


@pytest.mark.parametrize(
    ("paddle", "action", "after"),
    [
        (4, STAY, [(8, 4), (7, 3)]),  # the left cell
        (3, STAY, [(8, 4), (7, 5)]),  # the right cell
        (5, LEFT, [(8, 4), (7, 3)]),  # the paddle moves before the ball
        (2, RIGHT, [(8, 4), (7, 5)]),
    ],
)
@pytest.mark.parametrize("drift", [-1, 1])
def test_the_paddle_sends_the_ball_to_the_side_it_was_hit_on(
    paddle: int, action: int, after: list[tuple[int, int]], drift: int
) -> None:
    env = bricks_at((8, 4 - drift), (1, drift), paddle, {(1, 1)})
    assert env.step(action)[1:3] == (0.0, False)
    assert [(env.ball_row, env.ball_column), *flight(env, 1)] == after


@pytest.mark.parametrize(("paddle", "action"), [(5, STAY), (2, STAY), (4, RIGHT), (3, LEFT)])
def test_a_missed_ball_ends_the_episode(paddle: int, action: int) -> None:
    env = bricks_at((8, 3), (1, 1), paddle, {(1, 1)})
    observation, reward, terminated, _, _ = env.step(action)
    assert (reward, terminated, cells(observation, 3)) == (0.0, True, {(9, 4)})


def test_the_sides_hold_the_paddle() -> None:
    env = bricks_at((0, 0), (1, 1), 1, {(9, 9)})
    assert [cells(env.step(action)[0], 0) for action in (LEFT, LEFT)] == [{(9, 0), (9, 1)}] * 2
    env.paddle = 8
    assert cells(env.step(RIGHT)[0], 0) == {(9, 8), (9, 9)}


def test_a_new_wall_stands_when_the_paddle_returns_the_ball() -> None:
    env = bricks_at((4, 5), (-1, 1), 7, {(3, 6)})
    assert env.step(STAY)[1] == 1.0
    counts = [len(cells(env.step(STAY)[0], 1)) for _ in range(5)]
    assert counts == [0, 0, 0, 0, 27]
