"""Players by simple rules, from observations (..., SIZE) to actions (...) int64: what a trained team must beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from dlplug_envs.arena.observation import Seen
from dlplug_envs.arena.rules import ATTACK, BACK, DOWN, FORWARD, STAY, UP

Script = Callable[[np.ndarray], np.ndarray]

_FAR = 1e6


def climb(observation: np.ndarray) -> np.ndarray:
    """To the hill, to stay there; opponents are ignored."""
    hill = Seen.of(observation).hill
    return np.where(hill[..., 2] > 0, STAY, _towards(hill[..., 0], hill[..., 1]))


def hunt(observation: np.ndarray) -> np.ndarray:
    """At the weakest opponent in reach, else towards the nearest; to the hill only while no opponent lives."""
    seen = Seen.of(observation)
    alive = seen.opponents[..., 3] > 0
    distance = np.where(alive, np.abs(seen.opponents[..., :2]).max(-1), _FAR)
    nearest = np.take_along_axis(seen.opponents, distance.argmin(-1)[..., None, None], -2)[..., 0, :]
    return _at_weakest(seen, np.where(alive.any(-1), _towards(nearest[..., 0], nearest[..., 1]), climb(observation)))


def hold(observation: np.ndarray) -> np.ndarray:
    """To the hill, attacking the weakest opponent in reach."""
    return _at_weakest(Seen.of(observation), climb(observation))


def pack(observation: np.ndarray) -> np.ndarray:
    """As `hold`, but together: whoever is ahead of a living ally waits for it."""
    seen = Seen.of(observation)
    behind = np.where(seen.allies[..., 3] > 0, seen.allies[..., 1], 0.0).min(-1)
    waits = (behind < -0.15) & (seen.hill[..., 1] > 0.15)
    return _at_weakest(seen, np.where(waits, STAY, climb(observation)))


def _at_weakest(seen: Seen, otherwise: np.ndarray) -> np.ndarray:
    reached = seen.opponents[..., 4] > 0
    weakest = np.where(reached, seen.opponents[..., 2], _FAR).argmin(-1)
    return np.where(reached.any(-1), ATTACK + weakest, otherwise)


def _towards(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A step along the longer of both ways; none where it is reached."""
    vertical = np.where(rows < 0, UP, np.where(rows > 0, DOWN, STAY))
    horizontal = np.where(columns < 0, BACK, np.where(columns > 0, FORWARD, STAY))
    return np.where(np.abs(rows) > np.abs(columns), vertical, horizontal)


SCRIPTS: Mapping[str, Script] = {"climb": climb, "hunt": hunt, "hold": hold, "pack": pack}
