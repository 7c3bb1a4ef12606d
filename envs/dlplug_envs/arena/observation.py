"""What a member sees: numbers from its own place and its own side of the grid, near -1 to 1."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dlplug_envs.arena.rules import MEMBERS, Rules, Units, offsets, on_hill, to_top, within

_ALLIES = np.array([[k for k in range(MEMBERS) if k != i] for i in range(MEMBERS)])  # of each member


class Seen(NamedTuple):
    """An observation by its parts, of any leading shape; `Seen.of` cuts one.

    own: (..., 9) row, forward, health, alive, absence left, which member (3), time left.
    allies: (..., 2, 5) rows and columns to each, health, alive, absence left.
    opponents: (..., 3, 5) rows and columns to each, health, alive, in reach.
    hill: (..., 5) rows and columns to its top, whether this member is on it, points of both teams.
    """

    own: np.ndarray
    allies: np.ndarray
    opponents: np.ndarray
    hill: np.ndarray

    @classmethod
    def of(cls, observation: np.ndarray) -> Seen:
        """observation: (..., SIZE)."""
        shape = observation.shape[:-1]
        own, allies, opponents, hill = np.split(observation, _CUTS, axis=-1)
        return cls(own, allies.reshape(*shape, -1, 5), opponents.reshape(*shape, -1, 5), hill)


_CUTS = np.cumsum([6 + MEMBERS, 5 * (MEMBERS - 1), 5 * MEMBERS])
SIZE = int(_CUTS[-1]) + 5


def observe(units: Units, score: np.ndarray, elapsed: np.ndarray, rules: Rules) -> np.ndarray:
    """(E, 2, 3, SIZE) float32. score: points (E, 2). elapsed: steps (E,). The dead are seen without their place."""
    seen = np.empty((*units.row.shape, SIZE), np.float32)
    own, allies, opponents, hill = np.split(seen, _CUTS, axis=-1)  # views
    alive = units.health > 0
    health, absent = units.health / rules.health, units.absent / max(rules.absence, 1)
    own[..., 0], own[..., 1] = units.row / rules.rows, units.forward / rules.columns
    own[..., 2], own[..., 3], own[..., 4] = health, alive, absent
    own[..., 5 : 5 + MEMBERS] = np.eye(MEMBERS)
    own[..., -1] = (1 - elapsed / rules.limit)[:, None, None]

    _write(allies, 0, (units.row[..., _ALLIES] - units.row[..., None]) / rules.rows * alive[..., _ALLIES])
    _write(allies, 1, (units.forward[..., _ALLIES] - units.forward[..., None]) / rules.columns * alive[..., _ALLIES])
    for part, values in enumerate((health, alive, absent), 2):
        _write(allies, part, values[..., _ALLIES])

    rows, columns = offsets(units, rules)
    there = alive[:, ::-1, None, :]
    _write(opponents, 0, rows / rules.rows * there)
    _write(opponents, 1, columns / rules.columns * there)
    _write(opponents, 2, health[:, ::-1, None, :])
    _write(opponents, 3, there)
    _write(opponents, 4, within(rows, columns, rules.reach) & there)

    rows, columns = to_top(units, rules)
    hill[..., 0], hill[..., 1] = rows / rules.rows, columns / rules.columns
    hill[..., 2] = on_hill(units, rules)
    hill[..., 3], hill[..., 4] = ((one / rules.goal)[..., None] for one in (score, score[:, ::-1]))
    return seen


def _write(group: np.ndarray, part: int, values: np.ndarray) -> None:
    """Number `part` of each of a group's five."""
    group[..., part::5] = values
