"""The replay of positions, with what search and result say about each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dlplug.contracts import Stateful
from dlplug_selfplay.games.interface import Game


class Records(NamedTuple):
    """n positions to learn from.

    obs: (n, planes, points) bool. legal: (n, actions) bool. policy: (n, actions) float32, the search's. score: (n,)
    float32, of the player to move at the game's end: 1, 0.5 or 0. searched: (n,) bool, whether the search was a full
    one, whose policy is a target.
    """

    obs: np.ndarray
    legal: np.ndarray
    policy: np.ndarray
    score: np.ndarray
    searched: np.ndarray


def blank(game: Game, *shape: int) -> Records:
    return Records(
        np.zeros((*shape, game.planes, game.points), bool),
        np.zeros((*shape, game.actions), bool),
        np.zeros((*shape, game.actions), np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, bool),
    )


class Replay(Stateful):
    """The last `size` positions, in a ring."""

    remembers = ("records", "written")

    def __init__(self, game: Game, size: int) -> None:
        self.records, self.size, self.written = blank(game, size), size, 0
        self.points, self.actions = (np.argsort(s, 1) for s in (game.point_symmetries, game.action_symmetries))

    def __len__(self) -> int:
        return min(self.written, self.size)

    def add(self, new: Records) -> None:
        """Appends positions; the oldest give way."""
        at = (self.written + np.arange(len(new.score))) % self.size
        for column, values in zip(self.records, new, strict=True):
            column[at] = values
        self.written += len(at)

    def draw(self, count: int, random: np.random.Generator) -> Records:
        """Positions drawn uniformly, each seen through a symmetry drawn uniformly."""
        rows = random.integers(len(self), size=count)
        symmetry = random.integers(len(self.points), size=count)
        drawn = Records(*(column[rows] for column in self.records))
        points, actions = self.points[symmetry], self.actions[symmetry]
        return drawn._replace(
            obs=np.take_along_axis(drawn.obs, points[:, None, :], 2),
            legal=np.take_along_axis(drawn.legal, actions, 1),
            policy=np.take_along_axis(drawn.policy, actions, 1),
        )
