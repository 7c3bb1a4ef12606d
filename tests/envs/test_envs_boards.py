"""The games on a board of 10 x 10: what the observation tells, and vector versions played to their depths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from dlplug_envs.boards import BoardGame, BoardVector
from dlplug_envs.bricks import Bricks, BricksVector
from dlplug_envs.invaders import Invaders, InvadersVector
from dlplug_envs.lanes import Lanes, LanesVector
from dlplug_envs.picture import CELL
from hypothesis import given, settings
from hypothesis import strategies as st

GAMES: list[tuple[type[BoardGame], type[BoardVector]]] = [
    (Bricks, BricksVector),
    (Lanes, LanesVector),
    (Invaders, InvadersVector),
]
LEFT, STAY, RIGHT, FIRE = range(4)
LIMIT = 500
Player = Callable[[np.ndarray], int]


def toward(here: int, there: int) -> int:
    return STAY + int(np.sign(there - here))


def follow_the_ball(board: np.ndarray) -> int:
    paddle, _, heading, _ = board
    left, column = int(paddle[9].argmax()), int(heading.any(axis=0).argmax())
    return STAY if column in (left, left + 1) else toward(left, column)


def collect(board: np.ndarray) -> int:
    """Looks one step ahead: out of the way of foes that are near, else toward the gold that can be met first."""
    here = int(board[0, :, 5].argmax())
    arrivals = [  # lane, steps until it is in the player's column, whether gold
        (int(lane), steps, channel <= 2)
        for channel, way in ((1, 1), (2, -1), (3, 1), (4, -1))
        for lane, column in np.argwhere(board[channel])
        if (steps := way * (5 - int(column))) >= 0
    ]

    def worth(action: int) -> float:
        row = min(max(here + action - STAY, 0), 9)
        fatal = any(lane == row and steps <= 1 for lane, steps, gold in arrivals if not gold)
        danger = sum(lane == row and steps <= 3 for lane, steps, gold in arrivals if not gold)
        reachable = [steps for lane, steps, gold in arrivals if gold and abs(lane - row) < max(steps, 1)]
        return -100 * fatal - 10 * danger - min(reachable, default=9)

    return max((STAY, LEFT, RIGHT), key=worth)


def dodge_and_shoot(board: np.ndarray) -> int:
    """Out of the way of a shot that is near, else under the nearest column of aliens, and fires there."""
    ship, columns = int(board[0, 9].argmax()), np.flatnonzero(board[1:3].any(axis=(0, 1)))
    near = board[3, 6:9].any(axis=0)  # falls on the ship within three steps
    falls = board[3, 8]
    free = [column for column in (ship, ship - 1, ship + 1) if 0 <= column <= 9 and not falls[column]]
    if not free or near[ship]:
        safe = [column for column in free if not near[column]] or free or [ship]
        return toward(ship, safe[0])
    target = int(columns[abs(columns - ship).argmin()])
    if ship in columns and not board[4].any():
        return FIRE
    step = ship + int(np.sign(target - ship))
    return toward(ship, step) if step in free and not near[step] else STAY


PLAYERS: dict[type[BoardGame], Player] = {Bricks: follow_the_ball, Lanes: collect, Invaders: dodge_and_shoot}


@pytest.mark.parametrize(("game", "vector"), GAMES)
@pytest.mark.parametrize("skill", [0.0, 0.9, 1.0])
def test_long_games_of_the_vector_version_are_those_of_single_ones(
    game: type[BoardGame], vector: type[BoardVector], skill: float
) -> None:
    """Through many episodes, new walls and new waves: the players know what to do."""
    copies, steps, random = 6, 400, np.random.default_rng(3)
    many, ones = vector(copies, max_episode_steps=150), [game() for _ in range(copies)]
    boards, _ = many.reset(seed=11)
    expected = [one.reset(seed=11 + row)[0] for row, one in enumerate(ones)]
    ended, lengths, begun = np.zeros(copies, dtype=bool), np.zeros(copies, dtype=int), 0
    for _ in range(steps):
        np.testing.assert_array_equal(boards, expected)
        explores = random.random(copies) >= skill
        anything = random.integers(len(game.actions), size=copies)
        actions = [anything[row] if explores[row] else PLAYERS[game](board) for row, board in enumerate(boards)]
        boards, reward, terminated, truncated, _ = many.step(np.array(actions))
        for row, one in enumerate(ones):
            if ended[row]:
                expected[row], lengths[row], begun = one.reset()[0], 0, begun + 1
                assert (reward[row], terminated[row], truncated[row]) == (0.0, False, False)
            else:
                expected[row], *outcome = one.step(actions[row])[:3]
                lengths[row] += 1
                assert [reward[row], terminated[row]] == outcome
                assert truncated[row] == (lengths[row] == 150)
        ended = terminated | truncated
    assert begun >= copies


def returns(vector: type[BoardVector], act: Callable[[np.ndarray], np.ndarray], copies: int) -> np.ndarray:
    """Of the first episode of each copy."""
    env = vector(copies, max_episode_steps=LIMIT)
    boards, _ = env.reset(seed=0)
    total, playing = np.zeros(copies), np.ones(copies, dtype=bool)
    while playing.any():
        boards, reward, terminated, truncated, _ = env.step(act(boards))
        total += reward * playing
        playing &= ~(terminated | truncated)
    return total


def promised(row: str, game: type[BoardGame]) -> float:
    """A number of the README's table of boards."""
    readme = (Path(__file__).parents[2] / "envs" / "README.md").read_text()
    table = [line.split("|")[1:-1] for line in readme.split("dlplug/Bricks-v0`", 1)[1].splitlines()]
    line = next(line for line in table if line and line[0].strip() == row)
    return float(line[1 + [Bricks, Lanes, Invaders].index(game)].split()[0])


@pytest.mark.parametrize(("game", "vector"), GAMES)
def test_random_actions_return_what_the_readme_says(game: type[BoardGame], vector: type[BoardVector]) -> None:
    random = np.random.default_rng(0)
    found = returns(vector, lambda boards: random.integers(len(game.actions), size=len(boards)), 1000)
    assert found.mean() == pytest.approx(promised("random policy", game), abs=4 * found.std() / 1000**0.5)


@pytest.mark.parametrize(("game", "vector"), GAMES)
def test_simple_players_return_what_the_readme_says(game: type[BoardGame], vector: type[BoardVector]) -> None:
    mean = returns(vector, lambda boards: np.array([PLAYERS[game](board) for board in boards]), 30).mean()
    assert mean == pytest.approx(promised("scripted policy", game), abs=0.05)


def test_the_ball_of_bricks_can_always_be_reached() -> None:
    env = BricksVector(60)
    boards, _ = env.reset(seed=1)
    for _ in range(LIMIT):
        boards, _, terminated, _, _ = env.step(np.array([follow_the_ball(board) for board in boards]))
        assert not terminated.any()


def bricks_from(board: np.ndarray) -> Bricks:
    paddle, bricks, heading, ball = board
    env = Bricks()
    (row, column), (next_row, next_column) = np.argwhere(ball)[0], np.argwhere(heading)[0]
    env.paddle, env.ball_row, env.ball_column = int(paddle[9].argmax()), int(row), int(column)
    env.fall, env.drift = int(next_row - row), int(next_column - column)
    env.bricks = {tuple(cell) for cell in np.argwhere(bricks).tolist()}
    return env


def lanes_from(board: np.ndarray) -> Lanes:
    env = Lanes()
    env.row = int(board[0, :, 5].argmax())
    env.entities = {
        lane: (column, heading, gold)
        for channel, (heading, gold) in enumerate([(1, True), (-1, True), (1, False), (-1, False)], start=1)
        for lane, column in np.argwhere(board[channel]).tolist()
    }
    return env


def invaders_from(board: np.ndarray) -> Invaders:
    ship, right, left, falling, shot = board
    env = Invaders()
    env.ship, env.heading = int(ship[9].argmax()), 1 if right.any() else -1
    env.aliens, env.falling, shots = (
        {tuple(cell) for cell in np.argwhere(x).tolist()} for x in (right | left, falling, shot)
    )
    env.shot = next(iter(shots), None)
    return env


RESTORE: dict[type[BoardGame], Callable[[np.ndarray], BoardGame]] = {
    Bricks: bricks_from,
    Lanes: lanes_from,
    Invaders: invaders_from,
}


@pytest.mark.parametrize("game", [game for game, _ in GAMES])
@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), before=st.integers(0, 120), skill=st.sampled_from([0.5, 0.95]))
def test_the_observation_tells_all_but_chance(game: type[BoardGame], seed: int, before: int, skill: float) -> None:
    """A game set up from one observation, with the same chance, goes on alike."""
    random, env = np.random.default_rng(seed), game()
    board, _ = env.reset(seed=seed)
    for _ in range(before):
        skilled = random.random() < skill
        board = env.step(PLAYERS[game](board) if skilled else random.integers(len(game.actions)))[0]
        if env.over:
            board, _ = env.reset()
    twin = RESTORE[game](board)
    twin.key, twin.elapsed, twin.over = env.key, env.elapsed, False
    for _ in range(10):
        action = random.integers(len(game.actions))
        ours, theirs = env.step(action), twin.step(action)
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert ours[1:] == theirs[1:]
        if env.over:
            break


@pytest.mark.parametrize(("game", "vector"), GAMES)
def test_episodes_are_truncated_after_500_steps_unless_told_otherwise(
    game: type[BoardGame], vector: type[BoardVector]
) -> None:
    id = f"dlplug/{game.__name__}-v0"
    spec = gymnasium.make(id).spec
    assert spec is not None
    assert spec.max_episode_steps == LIMIT
    many = gymnasium.make_vec(id, num_envs=4)
    assert isinstance(many.unwrapped, vector)
    assert many.unwrapped._limit == LIMIT
    assert vector(2)._limit > 10**9


@pytest.mark.parametrize(("game", "vector"), GAMES)
def test_misuse_is_refused(game: type[BoardGame], vector: type[BoardVector]) -> None:
    env, count = game(), len(game.actions)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(STAY)
    env.reset(seed=0)
    for action in (-1, count):
        with pytest.raises(ValueError, match=rf"actions are 0 \({game.actions[0]}\), 1 \(stay\).*, got {action}"):
            env.step(action)
    while not env.over:
        env.step(STAY)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(STAY)
    many = vector(2)
    many.reset(seed=0)
    with pytest.raises(ValueError, match=f"actions must be from 0 to {count - 1}, got"):
        many.step(np.array([0, count]))
    with pytest.raises(ValueError, match="max_episode_steps must be at least 1, got 0"):
        vector(2, max_episode_steps=0)


@pytest.mark.parametrize("game", [game for game, _ in GAMES])
def test_pictures_show_what_the_observation_tells(game: type[BoardGame]) -> None:
    """Every cell has the colour of the last channel that is set there."""
    colours = [(24, 24, 32), (70, 74, 88), (92, 170, 255), (255, 200, 60), (214, 84, 84), (240, 240, 244)]
    env = game(render_mode="rgb_array")
    board, _ = env.reset(seed=0)
    for _ in range(60):
        picture = env.render()
        assert picture is not None
        assert (picture.shape, picture.dtype) == ((160, 160, 3), np.uint8)
        shown = picture.reshape(10, CELL, 10, CELL, 3)
        assert (shown == shown[:, :1, :, :1]).all()
        for row, column in np.ndindex(10, 10):
            names = [
                colour
                for channel, colour in enumerate(game.channels.values())
                if colour is not None and board[channel, row, column]
            ]
            assert tuple(shown[row, 0, column, 0].tolist()) == colours[names[-1] if names else 1]
        board = env.reset()[0] if env.over else env.step(PLAYERS[game](board))[0]
    assert game().render() is None
