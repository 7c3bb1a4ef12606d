"""Players by simple rules, from observations (..., SIZE) to actions (...) int64: what a trained team must beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from dlplug_envs.arena.observation import Seen
from dlplug_envs.arena.rules import ATTACK, BACK, DOWN, FORWARD, STAY, TOWER, UP

Script = Callable[[np.ndarray], np.ndarray]

_FAR = 1e6


def rush(observation: np.ndarray) -> np.ndarray:
    """To the tower by the shortest way, and at it; opponents are ignored."""
    seen = Seen.of(observation)
    return np.where(seen.other_tower[..., 3] > 0, TOWER, _towards(seen.other_tower[..., 0], seen.other_tower[..., 1]))


def hunt(observation: np.ndarray) -> np.ndarray:
    """At the weakest opponent in reach, else towards the nearest; to the tower only while no opponent lives."""
    seen = Seen.of(observation)
    alive = seen.opponents[..., 3] > 0
    distance = np.where(alive, np.abs(seen.opponents[..., :2]).max(-1), _FAR)
    nearest = np.take_along_axis(seen.opponents, distance.argmin(-1)[..., None, None], -2)[..., 0, :]
    chase = np.where(alive.any(-1), _towards(nearest[..., 0], nearest[..., 1]), rush(observation))
    return _at_weakest(seen, chase)


def guard(observation: np.ndarray) -> np.ndarray:
    """Stays near its own tower, and attacks the weakest opponent in reach."""
    seen = Seen.of(observation)
    return _at_weakest(seen, _towards(seen.own_tower[..., 0], seen.own_tower[..., 1]))


def pack(observation: np.ndarray) -> np.ndarray:
    """Together to the tower: whoever is ahead waits for the others, and attacks the weakest opponent in reach, else the
    tower."""
    seen = Seen.of(observation)
    behind = np.where(seen.allies[..., 3] > 0, seen.allies[..., 1], 0.0).min(-1)
    advance = np.where(behind < -0.1, STAY, rush(observation))
    return _at_weakest(seen, np.where(seen.other_tower[..., 3] > 0, TOWER, advance))


def _at_weakest(seen: Seen, otherwise: np.ndarray) -> np.ndarray:
    reached = seen.opponents[..., 4] > 0
    weakest = np.where(reached, seen.opponents[..., 2], _FAR).argmin(-1)
    return np.where(reached.any(-1), ATTACK + weakest, otherwise)


def _towards(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A step along the longer of both ways; none where it is reached."""
    vertical = np.where(rows < 0, UP, np.where(rows > 0, DOWN, STAY))
    horizontal = np.where(columns < 0, BACK, np.where(columns > 0, FORWARD, STAY))
    return np.where(np.abs(rows) > np.abs(columns), vertical, horizontal)


SCRIPTS: Mapping[str, Script] = {"rush": rush, "hunt": hunt, "guard": guard, "pack": pack}
