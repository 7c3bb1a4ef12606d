"""The rules of the arena, as pure functions on arrays of E games, 2 teams, 3 members.

Each team sees the grid from its own side: `forward` is the distance from its own edge, so that the same rule serves
both. A position of the other team is turned into one's own frame by `across`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

MEMBERS = 3
STAY, UP, DOWN, FORWARD, BACK = range(5)
ATTACK = 5  # ATTACK + k attacks the opponents' member k
ACTIONS = ATTACK + MEMBERS

# row and column of each move, by its action
_ROWS = np.array([0, -1, 1, 0, 0, 0, 0, 0])
_COLUMNS = np.array([0, 0, 0, 1, -1, 0, 0, 0])


@dataclass(frozen=True)
class Rules:
    """Sizes and strengths. Each attack takes one point of health.

    rows, columns: of the grid, odd, so that the hill lies in the middle. reach: of an attack, in rows and in columns.
    slope: of the hill, cells on each side of its top. health: of a member. absence: steps from a member's death to its
    return. goal: points that win. limit: steps after which the team with more points wins.
    """

    rows: int = 7
    columns: int = 11
    reach: int = 2
    slope: int = 1
    health: int = 4
    absence: int = 8
    goal: int = 30
    limit: int = 120

    @property
    def top(self) -> tuple[int, int]:
        """The hill's top, (row, forward), the same from both sides."""
        return self.rows // 2, self.columns // 2


class Units(NamedTuple):
    """The members of both teams, each (E, 2, 3) int64.

    row, forward: where they stand, forward from their own edge. health: 0 for the dead. absent: steps until the return.
    """

    row: np.ndarray
    forward: np.ndarray
    health: np.ndarray
    absent: np.ndarray


def across(forward: np.ndarray, rules: Rules) -> np.ndarray:
    """The other team's positions (E, 2, 3), team by team in the frame of the team that it plays against."""
    return rules.columns - 1 - forward[:, ::-1]


def offsets(units: Units, rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) from each member to each opponent, (E, 2, 3, 3)."""
    rows = units.row[:, ::-1, None, :] - units.row[..., None]
    columns = across(units.forward, rules)[:, :, None, :] - units.forward[..., None]
    return rows, columns


def within(rows: np.ndarray, columns: np.ndarray, distance: int) -> np.ndarray:
    return np.maximum(np.abs(rows), np.abs(columns)) <= distance


def to_top(units: Units, rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) from each member to the hill's top, (E, 2, 3)."""
    row, forward = rules.top
    return row - units.row, forward - units.forward


def on_hill(units: Units, rules: Rules) -> np.ndarray:
    """Whether a living member stands on the hill, (E, 2, 3) bool."""
    return within(*to_top(units, rules), rules.slope) & (units.health > 0)


def points(units: Units, rules: Rules) -> np.ndarray:
    """1 for the team with more members on the hill, (E, 2) int64."""
    members = on_hill(units, rules).sum(2)
    return (members > members[:, ::-1]).astype(np.int64)


def attacks(units: Units, action: np.ndarray, rules: Rules) -> np.ndarray:
    """What is hit by actions (E, 2, 3), all at once, so that two members may kill each other: (E, 2, 3, 3) int64,
    [e, t, i, k] is 1 where member i of team t hits the opponents' member k."""
    alive = units.health > 0
    reached = within(*offsets(units, rules), rules.reach) & alive[:, ::-1, None, :] & alive[..., None]
    return (reached & (action[..., None] == np.arange(ATTACK, ACTIONS))).astype(np.int64)


def moved(units: Units, action: np.ndarray, rules: Rules) -> Units:
    """The living move; the grid's edges hold them, and members may share a cell."""
    alive = units.health > 0
    row = np.clip(units.row + _ROWS[action] * alive, 0, rules.rows - 1)
    forward = np.clip(units.forward + _COLUMNS[action] * alive, 0, rules.columns - 1)
    return units._replace(row=row, forward=forward)


def wounded(units: Units, taken: np.ndarray, rules: Rules) -> tuple[Units, np.ndarray]:
    """After the loss of `taken` points of health; and who died of it, (E, 2, 3) bool."""
    health = np.maximum(units.health - taken, 0)
    died = (units.health > 0) & (health == 0)
    return units._replace(health=health, absent=np.where(died, rules.absence, units.absent)), died


def returned(units: Units, died: np.ndarray, rules: Rules) -> Units:
    """The absent, but for those that died in this step, wait a step; who has waited stands at home with full health."""
    absent = np.maximum(units.absent - ~died, 0)
    back = (units.health == 0) & (absent == 0)
    row, forward = home(rules)
    return Units(
        np.where(back, row, units.row),
        np.where(back, forward, units.forward),
        np.where(back, rules.health, units.health),
        absent,
    )


def home(rules: Rules) -> tuple[np.ndarray, int]:
    """Where a member returns: its row (3,), and the own edge."""
    return np.clip(rules.rows // 2 + np.arange(MEMBERS) - 1, 0, rules.rows - 1), 0
