"""The arena beside a slow one that plays a game member by member, its symmetry, its ends, and its scripts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from dlplug_envs.arena import ACTIONS, ATTACK, SCRIPTS, SIZE, STAY, Arena, Rules, Seen
from hypothesis import given, settings
from hypothesis import strategies as st

SMALL = Rules(rows=3, columns=7, slope=0, health=2, absence=3, goal=4, limit=30)  # they meet at once


class Slow:
    """One game by the rules as they are written, in the grid's own columns: team 1 walks to the left."""

    def __init__(self, arena: Arena, game: int) -> None:
        self.rules = arena.rules
        self.members = [
            {
                "team": team,
                "row": int(arena.row[game, team, i]),
                "column": self.column(team, int(arena.forward[game, team, i])),
                "index": i,
                "health": arena.rules.health,
                "absent": 0,
            }
            for team in range(2)
            for i in range(3)
        ]
        self.score, self.elapsed = [0, 0], 0

    def column(self, team: int, forward: int) -> int:
        return forward if team == 0 else self.rules.columns - 1 - forward

    def near(self, member: dict[str, Any], row: int, column: int, distance: int) -> bool:
        return max(abs(member["row"] - row), abs(member["column"] - column)) <= distance

    def step(self, actions: np.ndarray) -> tuple[list[list[float]], bool, int]:
        """Rewards [team][member], whether the game ended, and the winner."""
        reward, taken = [[0.0] * 3, [0.0] * 3], [0] * 6
        before = [dict(member) for member in self.members]
        for member in before:
            action, other = int(actions[member["team"], member["index"]]), 1 - member["team"]
            if not member["health"]:
                continue
            if action >= ATTACK:
                victim = before[3 * other + action - ATTACK]
                if victim["health"] and self.near(member, victim["row"], victim["column"], self.rules.reach):
                    taken[3 * other + victim["index"]] += 1
                    reward[member["team"]][member["index"]] += 0.05
        waiting = [member for member in self.members if not member["health"]]
        for member, loss in zip(self.members, taken, strict=True):
            team, action = member["team"], int(actions[member["team"], member["index"]])
            if member["health"]:
                ahead = 1 if team == 0 else -1
                row, column = {1: (-1, 0), 2: (1, 0), 3: (0, ahead), 4: (0, -ahead)}.get(action, (0, 0))
                member["row"] = min(max(member["row"] + row, 0), self.rules.rows - 1)
                member["column"] = min(max(member["column"] + column, 0), self.rules.columns - 1)
                member["health"] = max(member["health"] - loss, 0)
                if not member["health"]:
                    member["absent"] = self.rules.absence
                    reward[team][member["index"]] -= 0.1
        middle = self.rules.rows // 2, self.rules.columns // 2
        there = [m["team"] for m in self.members if m["health"] and self.near(m, *middle, self.rules.slope)]
        for team in range(2):
            if there.count(team) > there.count(1 - team):
                self.score[team] += 1
                reward[team] = [one + 0.02 for one in reward[team]]
        for member in waiting:
            member["absent"] -= 1
            if not member["absent"]:
                home = min(max(self.rules.rows // 2 + member["index"] - 1, 0), self.rules.rows - 1)
                member.update(health=self.rules.health, row=home, column=self.column(member["team"], 0))
        self.elapsed += 1
        ended = max(self.score) >= self.rules.goal or self.elapsed >= self.rules.limit
        winner = ((self.score[0] > self.score[1]) - (self.score[0] < self.score[1])) * ended
        raw = [[one + sign * winner for one in team] for team, sign in zip(reward, (1, -1), strict=True)]
        means = [sum(team) / 3 for team in raw]
        return [[one - means[1 - team] for one in raw[team]] for team in range(2)], ended, winner


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), attacking=st.floats(0, 1))
def test_every_step_is_that_of_a_game_played_member_by_member(seed, attacking):
    rng = np.random.default_rng(seed)
    arena = Arena(3, rules=SMALL, seed=seed)
    arena.reset()
    slow: list[Slow | None] = [Slow(arena, game) for game in range(3)]
    for _ in range(70):
        random = rng.integers(ACTIONS, size=(3, 2, 3))
        fighting = rng.integers(ATTACK, ACTIONS, size=(3, 2, 3))
        action = np.where(rng.random((3, 2, 3)) < attacking, fighting, random)
        _, reward, ended, winner = arena.step(action)
        for game, one in enumerate(slow):
            if one is None:  # the step that begins the next game
                slow[game] = Slow(arena, game)
                assert not reward[game].any()
                assert not ended[game]
                continue
            expected = one.step(action[game])
            np.testing.assert_allclose(reward[game], expected[0], atol=1e-6)
            assert (ended[game], winner[game]) == expected[1:]
            assert arena.score[game].tolist() == one.score
            forward = [one.column(m["team"], m["column"]) for m in one.members]  # its own inverse
            assert arena.row[game].ravel().tolist() == [m["row"] for m in one.members]
            assert arena.forward[game].ravel().tolist() == forward
            assert arena.health[game].ravel().tolist() == [m["health"] for m in one.members]
            assert arena.absent[game].ravel().tolist() == [m["absent"] for m in one.members]
            if ended[game]:
                slow[game] = None


def test_rewards_sum_to_zero_and_both_teams_see_the_same_game():
    rules = Rules(goal=1000)  # to the limit, as starts are not mirrored
    arena, mirrored = (Arena(20, rules=rules, seed=1) for _ in range(2))
    arena.reset()
    mirrored.reset()
    for name in ("row", "forward"):
        setattr(mirrored, name, getattr(arena, name)[:, ::-1])
    rng = np.random.default_rng(0)
    for _ in range(arena.rules.limit):
        action = rng.integers(ACTIONS, size=(20, 2, 3))
        seen, reward, _, winner = arena.step(action)
        other = mirrored.step(action[:, ::-1])
        np.testing.assert_array_equal(seen, other[0][:, ::-1])
        np.testing.assert_array_equal(reward, other[1][:, ::-1])
        np.testing.assert_array_equal(winner, -other[3])
        np.testing.assert_allclose(reward.sum((1, 2)), 0, atol=1e-5)
    assert (arena.elapsed > 0).all()


def test_an_observation_says_where_everybody_is():
    arena = Arena(50, rules=SMALL, seed=2)
    rng, rules = np.random.default_rng(3), SMALL
    observation = arena.reset()
    for _ in range(12):
        observation, *_ = arena.step(rng.integers(ACTIONS, size=(50, 2, 3)))
    assert observation.shape == (50, 2, 3, SIZE)
    assert (arena.health == 0).any()
    seen = Seen.of(observation)
    for game, team, i in np.ndindex(50, 2, 3):
        row, forward = arena.row[game, team, i], arena.forward[game, team, i]
        own = seen.own[game, team, i]
        health, absent = arena.health[game, team, i] / rules.health, arena.absent[game, team, i] / rules.absence
        identity = [float(k == i) for k in range(3)]
        left = 1 - arena.elapsed[game] / rules.limit
        expected = [row / rules.rows, forward / rules.columns, health, health > 0, absent, *identity, left]
        np.testing.assert_allclose(own, expected, rtol=1e-6)
        others = [k for k in range(3) if k != i]
        for place, k in enumerate(others):
            there = arena.health[game, team, k] > 0
            way = [
                (arena.row[game, team, k] - row) / rules.rows,
                (arena.forward[game, team, k] - forward) / rules.columns,
            ]
            np.testing.assert_allclose(seen.allies[game, team, i, place, :2], np.array(way) * there, atol=1e-6)
            assert seen.allies[game, team, i, place, 3] == there
        for k in range(3):
            there = arena.health[game, 1 - team, k] > 0
            rows = arena.row[game, 1 - team, k] - row
            columns = rules.columns - 1 - arena.forward[game, 1 - team, k] - forward
            reached = there and max(abs(rows), abs(columns)) <= rules.reach
            strength = arena.health[game, 1 - team, k] / rules.health
            expected = [rows / rules.rows * there, columns / rules.columns * there, strength, there, reached]
            np.testing.assert_allclose(seen.opponents[game, team, i, k], expected, atol=1e-6)
        rows, columns = rules.rows // 2 - row, rules.columns // 2 - forward
        on_it = health > 0 and max(abs(rows), abs(columns)) <= rules.slope
        points = [arena.score[game, team] / rules.goal, arena.score[game, 1 - team] / rules.goal]
        expected = [rows / rules.rows, columns / rules.columns, on_it, *points]
        np.testing.assert_allclose(seen.hill[game, team, i], expected, atol=1e-6)


def test_a_restored_arena_goes_on_as_the_first():
    rng = np.random.default_rng(0)
    arena, restored = Arena(8, rules=SMALL, seed=5), Arena(8, rules=SMALL, seed=6)
    arena.reset()
    for _ in range(40):
        arena.step(rng.integers(ACTIONS, size=(8, 2, 3)))
    restored.load_state_dict(json.loads(json.dumps(arena.state_dict())))
    for _ in range(40):
        action = rng.integers(ACTIONS, size=(8, 2, 3))
        for one, other in zip(arena.step(action), restored.step(action), strict=True):
            np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="the state is of 8 games, this arena has 7"):
        Arena(7).load_state_dict(arena.state_dict())


def test_what_is_no_action_is_refused():
    arena = Arena(2)
    arena.reset()
    for action in (np.zeros((2, 6), int), np.full((2, 2, 3), ACTIONS), np.full((2, 2, 3), -1)):
        with pytest.raises(ValueError, match=r"actions must have the shape \(2, 2, 3\) and be from 0 to 7"):
            arena.step(action)


def win_rate(one, other, games: int = 300) -> float:
    """How often `one` wins the first game in each of `games`; both sides are the same by symmetry."""
    arena, first = Arena(games, seed=3), np.zeros(games)
    seen, over = arena.reset(), np.zeros(games, bool)
    while not over.all():
        seen, _, ended, winner = arena.step(np.stack([one(seen[:, 0]), other(seen[:, 1])], 1))
        first[ended & ~over] = winner[ended & ~over]
        over |= ended
    return float((first > 0).mean())


def test_who_fights_beats_who_does_not():
    rng = np.random.default_rng(0)
    for script in SCRIPTS.values():
        assert win_rate(script, lambda seen: rng.integers(ACTIONS, size=seen.shape[:-1])) > 0.95
    for script in ("hunt", "hold", "pack"):
        assert win_rate(SCRIPTS[script], SCRIPTS["climb"]) > 0.95
    assert win_rate(SCRIPTS["hold"], SCRIPTS["hunt"]) > 0.7


def test_three_who_aim_at_one_kill_it_in_a_third_of_the_time():
    for together, steps in ((1, 4), (2, 2), (3, 2)):
        arena = Arena(1, seed=0)
        arena.reset()
        arena.row[:], arena.forward[:] = 3, 5
        aimed = np.where(np.arange(6).reshape(1, 2, 3) < together, ATTACK, STAY)
        taken = 0
        while arena.health[0, 1, 0]:
            arena.step(aimed)
            taken += 1
        assert taken == steps


def test_a_grid_without_a_middle_is_refused():
    with pytest.raises(ValueError, match="rows and columns must be odd, got 6 and 11"):
        Arena(1, rules=Rules(rows=6))
    with pytest.raises(ValueError, match="games"):
        Arena(0)
