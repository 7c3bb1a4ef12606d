"""A game of the arena as an image."""

from __future__ import annotations

import numpy as np

from dlplug_envs.arena.arena import Arena
from dlplug_envs.arena.rules import MEMBERS

CELL = 48  # pixels per side, a multiple of 16, which video codecs need
_BLOCK = CELL // MEMBERS  # a member's place in its cell: its team's half, and its own column
_BACKGROUND, _LINE, _HILL = np.array([(38, 42, 52), (54, 60, 74), (78, 84, 70)], np.uint8)
_TEAMS = np.array([(92, 170, 255), (255, 110, 90)], np.uint8)


def picture(arena: Arena, game: int) -> np.ndarray:
    """(rows * CELL + 16, columns * CELL, 3) uint8: team 0 blue, from the left, team 1 red; above, the points of both. A
    member is a bar as high as its health."""
    rules = arena.rules
    field = np.empty((rules.rows * CELL, rules.columns * CELL, 3), np.uint8)
    field[:] = _BACKGROUND
    field[::CELL], field[:, ::CELL] = _LINE, _LINE
    row, column = ((one - rules.slope) * CELL for one in rules.top)
    side = (2 * rules.slope + 1) * CELL
    hill = field[row : row + side, column : column + side]
    hill[(hill == _BACKGROUND).all(-1)] = _HILL
    for team, member in np.ndindex(2, MEMBERS):
        health = arena.health[game, team, member]
        if not health:
            continue
        height = max(2, round((CELL // 2 - 6) * health / rules.health))
        bottom = int(arena.row[game, team, member]) * CELL + CELL // 2 * (team + 1) - 2
        left = _column(arena, team, int(arena.forward[game, team, member])) * CELL + member * _BLOCK + 3
        field[bottom - height : bottom, left : left + _BLOCK - 5] = _TEAMS[team]
    return np.concatenate([_points(arena, game, field.shape[1]), field])


def _column(arena: Arena, team: int, forward: int) -> int:
    return forward if team == 0 else arena.rules.columns - 1 - forward


def _points(arena: Arena, game: int, width: int) -> np.ndarray:
    bar, half = np.zeros((16, width, 3), np.uint8), width // 2 - 8
    first, second = (half * np.minimum(arena.score[game], arena.rules.goal) // arena.rules.goal).tolist()
    bar[3:13, :first] = _TEAMS[0]
    bar[3:13, width - second :] = _TEAMS[1]
    return bar
