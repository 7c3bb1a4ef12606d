"""What Lanes and Invaders do: each rule by itself, on a board set up by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from board_cells import cells
from dlplug_envs.invaders import Invaders
from dlplug_envs.lanes import Lanes

LEFT, STAY, RIGHT, FIRE = range(4)
UP, DOWN = 0, 2


def scripted(env: Invaders | Lanes, chance: Mapping[int, int]) -> None:
    """Every draw for a purpose gives the number named for it."""
    env._draw = lambda below, purpose: min(chance[purpose], below - 1)


def lanes_at(row: int, entities: dict[int, tuple[int, int, bool]]) -> Lanes:
    """The entities by lane: column, heading and whether gold. Nothing enters."""
    env = Lanes()
    env.reset(seed=0)
    env.row, env.entities = row, dict(entities)
    scripted(env, {0: 0, 1: 0})
    return env


def test_lanes_begins_empty_in_the_middle() -> None:
    observation, _ = Lanes().reset(seed=0)
    assert cells(observation, 0) == {(5, 5)}
    assert observation.sum() == 1


def test_the_player_crosses_the_lanes() -> None:
    env = lanes_at(1, {})
    walked = [cells(env.step(action)[0], 0).pop() for action in (STAY, UP, UP, DOWN)]
    assert walked == [(1, 5), (0, 5), (0, 5), (1, 5)]
    env = lanes_at(8, {})
    assert [cells(env.step(action)[0], 0).pop() for action in (DOWN, DOWN, STAY)] == [(9, 5)] * 3


def test_things_run_one_cell_a_step_and_off_the_board() -> None:
    env = lanes_at(5, {0: (8, 1, True), 1: (1, -1, True), 2: (7, 1, False), 3: (2, -1, False)})
    seen = [env.step(STAY)[0] for _ in range(3)]
    assert [[cells(observation, channel) for channel in range(1, 5)] for observation in seen] == [
        [{(0, 9)}, {(1, 0)}, {(2, 8)}, {(3, 1)}],
        [set(), set(), {(2, 9)}, {(3, 0)}],
        [set(), set(), set(), set()],
    ]


@pytest.mark.parametrize(
    ("action", "lane", "column", "heading"),
    [
        (STAY, 5, 4, 1),  # it runs into the player
        (STAY, 5, 6, -1),
        (UP, 4, 5, 1),  # the player steps onto it
        (DOWN, 6, 5, -1),
        (UP, 4, 4, 1),  # they meet
        (DOWN, 6, 6, -1),
    ],
)
def test_gold_is_collected_and_a_foe_ends_the_episode(action: int, lane: int, column: int, heading: int) -> None:
    env = lanes_at(5, {lane: (column, heading, True)})
    observation, reward, terminated, _, _ = env.step(action)
    assert (reward, terminated, observation[1:].sum()) == (1.0, False, 0)
    env = lanes_at(5, {lane: (column, heading, False)})
    assert env.step(action)[1:3] == (0.0, True)


@pytest.mark.parametrize(("action", "column", "heading"), [(UP, 4, 1), (STAY, 4, -1), (STAY, 3, 1), (DOWN, 6, -1)])
def test_what_is_not_met_is_not_touched(action: int, column: int, heading: int) -> None:
    env = lanes_at(5, {5: (column, heading, False)})
    assert env.step(action)[1:3] == (0.0, False)


@pytest.mark.parametrize(("side", "cell"), [(0, (2, 0)), (1, (2, 9))])
@pytest.mark.parametrize(("kind", "channels"), [(0, (1, 2)), (1, (3, 4))])
def test_a_thing_enters_from_its_side(side: int, cell: tuple[int, int], kind: int, channels: tuple[int, int]) -> None:
    env = lanes_at(5, {})
    scripted(env, {0: 1, 1: 2, 2: side, 3: kind})
    observation = env.step(STAY)[0]
    assert cells(observation, channels[side]) == {cell}
    assert observation.sum() == 2
    assert env.step(STAY)[0].sum() == 2  # the lane is taken


def test_a_thing_enters_every_other_step_of_any_lane_side_and_kind() -> None:
    env = Lanes()
    env.reset(seed=0)
    entered: Counter[object] = Counter()
    for step in range(6000):
        env.entities, env.elapsed, env.over = {}, step, False
        env.step(STAY)
        entered.update(env.entities.keys())
        entered.update((column, heading, gold) for column, heading, gold in env.entities.values())
    assert sum(entered[lane] for lane in range(10)) / 6000 == pytest.approx(0.5, abs=0.02)
    assert [entered[lane] / 300 for lane in range(10)] == pytest.approx([1.0] * 10, abs=0.2)
    things = [(column, heading, gold) for column, heading in ((0, 1), (9, -1)) for gold in (True, False)]
    assert [entered[thing] / 750 for thing in things] == pytest.approx([1.0] * 4, abs=0.15)


PLACE, SIDE, MARCH, SHOOTS, SHOOTER = range(5)
CALM = {PLACE: 2, SIDE: 1, MARCH: 1, SHOOTS: 1, SHOOTER: 0}  # no march, no shot


def invaders_at(
    ship: int,
    aliens: set[tuple[int, int]],
    heading: int = 1,
    falling: set[tuple[int, int]] | None = None,
    **chance: int,
) -> Invaders:
    env = Invaders()
    env.reset(seed=0)
    env.ship, env.aliens, env.heading, env.falling, env.shot = ship, set(aliens), heading, falling or set(), None
    purposes = {"march": MARCH, "shoots": SHOOTS, "shooter": SHOOTER}
    scripted(env, CALM | {purposes[name]: value for name, value in chance.items()})
    return env


def test_a_wave_is_four_rows_of_six_anywhere_at_the_top() -> None:
    env = Invaders()
    env.reset(seed=0)
    starts = np.array([env.reset()[0] for _ in range(1000)])
    waves = starts[:, 1] + starts[:, 2]
    assert (waves[:, :4].sum(axis=2) == 6).all()
    assert (waves[:, 4:] == 0).all()
    first = waves[:, 0].argmax(axis=1)
    assert (waves[:, :4] == (abs(np.arange(10) - first[:, None] - 2.5) < 3)[:, None]).all()
    assert np.bincount(first) / 1000 == pytest.approx([0.2] * 5, abs=0.05)
    assert starts[:, 1].any(axis=(1, 2)).mean() == pytest.approx(0.5, abs=0.06)
    assert cells(starts[0], 0) == {(9, 5)}
    assert (starts[:, 3:] == 0).all()


def test_the_ship_moves_between_the_sides() -> None:
    env = invaders_at(1, {(0, 0)})
    assert [cells(env.step(action)[0], 0) for action in (LEFT, LEFT, STAY)] == [{(9, 0)}] * 3
    env.ship = 8
    assert [cells(env.step(action)[0], 0) for action in (RIGHT, RIGHT)] == [{(9, 9)}] * 2


def test_one_shot_climbs_at_a_time() -> None:
    env = invaders_at(4, {(0, 0)})
    shots = [cells(env.step(action)[0], 4) for action in (FIRE, FIRE, RIGHT, FIRE, *[STAY] * 5, FIRE)]
    assert shots == [{(row, 4)} for row in range(8, -1, -1)] + [{(8, 5)}]  # fired in the step in which the first left


def test_a_shot_kills_one_alien_of_a_new_wave_five_steps_after_it_was_fired() -> None:
    wave = {(row, column) for row in range(4) for column in range(6)}
    env = invaders_at(4, wave)
    rewards = [env.step(action)[1] for action in (FIRE, *[STAY] * 6)]
    assert rewards == [0.0] * 5 + [1.0, 0.0]
    assert env.aliens == wave - {(3, 4)}
    assert env.shot is None


def test_an_alien_that_marches_into_the_shot_is_hit() -> None:
    env = invaders_at(0, {(4, 3), (0, 5)}, march=0)
    env.shot = (5, 4)
    assert env.step(STAY)[1] == 1.0
    assert env.aliens == {(0, 6)}


def test_aliens_march_to_the_side_then_come_down_and_turn_round() -> None:
    env = invaders_at(0, {(1, 8), (2, 3)}, march=0)
    marched = [env.step(STAY)[0] for _ in range(3)]
    right = [cells(observation, 1) for observation in marched]
    left = [cells(observation, 2) for observation in marched]
    assert right == [{(1, 9), (2, 4)}, set(), set()]
    assert left == [set(), {(2, 9), (3, 4)}, {(2, 8), (3, 3)}]
    env = invaders_at(9, {(1, 0)}, heading=-1, march=0)
    assert cells(env.step(STAY)[0], 1) == {(2, 0)}


def test_an_alien_on_the_bottom_row_ends_the_episode() -> None:
    env = invaders_at(0, {(8, 9)}, march=0)
    assert env.step(STAY)[1:3] == (0.0, True)


@pytest.mark.parametrize(("ship", "action", "over"), [(4, STAY, True), (3, RIGHT, True), (4, LEFT, False)])
def test_a_shot_that_falls_on_the_ship_ends_the_episode(ship: int, action: int, over: bool) -> None:
    env = invaders_at(ship, {(0, 0)}, falling={(8, 4), (2, 7), (9, 1)})
    observation, reward, terminated, _, _ = env.step(action)
    assert (reward, terminated) == (0.0, over)
    assert cells(observation, 3) == {(9, 4), (3, 7)}


def test_a_shot_on_the_bottom_row_is_spent() -> None:
    env = invaders_at(3, {(0, 0)}, falling={(9, 4)})
    assert env.step(RIGHT)[1:3] == (0.0, False)


@pytest.mark.parametrize(("shooter", "shot"), [(3, {(6, 3)}), (4, {(2, 4)}), (5, set()), (6, set())])
def test_the_lowest_alien_of_the_column_drawn_shoots(shooter: int, shot: set[tuple[int, int]]) -> None:
    env = invaders_at(0, {(1, 3), (5, 3), (1, 4), (9, 6)}, shoots=0, shooter=shooter)
    assert cells(env.step(STAY)[0], 3) == shot


def test_aliens_march_every_fourth_step_and_shoot_every_third() -> None:
    env = Invaders()
    env.reset(seed=0)
    marches = shots = 0
    block = {(row, column) for row in range(2) for column in range(10)}
    for step in range(4000):
        env.aliens, env.heading, env.falling, env.elapsed, env.over = set(block), 1, set(), step, False
        env.step(STAY)
        marches += env.aliens != block
        shots += len(env.falling)
    assert marches / 4000 == pytest.approx(1 / 4, abs=0.02)
    assert shots / 4000 == pytest.approx(1 / 3, abs=0.02)


def test_the_next_wave_stands_when_the_last_alien_is_gone() -> None:
    env = invaders_at(0, {(3, 4)}, heading=-1)
    env.shot = (4, 4)
    observation, reward, terminated, _, _ = env.step(STAY)
    assert (reward, terminated) == (1.0, False)
    assert cells(observation, 1) == {(row, column) for row in range(4) for column in range(2, 8)}
