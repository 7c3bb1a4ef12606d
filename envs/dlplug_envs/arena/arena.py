"""E games of three against three, stepped together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dlplug_envs.arena.observation import observe
from dlplug_envs.arena.rules import ACTIONS, MEMBERS, Rules, Units, attacks, moved, points, returned, wounded
from dlplug_envs.vector import require_at_least

HIT, DEATH, POINT, WIN = 0.05, 0.1, 0.02, 1.0  # rewards: of a point of health, of a life, of a point, of a game


class Arena:
    """Two teams of three fight for a hill in the middle of the grid. At each step the team with more living members on
    it gains a point; whoever has `goal` points first wins, and after `limit` steps whoever has more. Equal points are a
    draw.

    A step: all attacks hit at once; then the living move; the hill gives its point; the dead return to their own edge
    after `absence` steps.

    Actions: 0 stay, 1 up, 2 down, 3 forward, 4 back, 5 to 7 attack the opponents' first to third member; an attack out
    of reach does nothing, and the dead's actions are ignored. Observations are `Seen`.

    Rewards, of each member: 0.05 a point of health that it takes, -0.1 for its death, 0.02 a point of its team, 1 or -1
    for the game; less the mean of the opponents' rewards, so that they sum to 0.

    games: E. seed: of all random starts, in the three columns at a team's own edge. Raises ValueError for no game and
    for a grid without a middle.
    The game is this project's own, after the 5 against 5 of Berner et al. 2019 (arXiv:1912.06680) in small: individual
    rewards that sum to 0 over the teams, and one network for all members.
    """

    remembers = ("row", "forward", "health", "absent", "score", "elapsed", "ended")

    def __init__(self, games: int, *, rules: Rules = Rules(), seed: int = 0) -> None:
        require_at_least(1, games=games)
        if not (rules.rows % 2 and rules.columns % 2):
            raise ValueError(f"rows and columns must be odd, got {rules.rows} and {rules.columns}")
        self.games, self.rules = games, rules
        self.generator = np.random.default_rng(seed)
        shape = (games, 2, MEMBERS)
        self.row, self.forward, self.health, self.absent = (np.zeros(shape, np.int64) for _ in range(4))
        self.score, self.elapsed = np.zeros((games, 2), np.int64), np.zeros(games, np.int64)
        self.ended = np.ones(games, bool)

    def reset(self) -> np.ndarray:
        """Begins all games; observations (E, 2, 3, SIZE) float32."""
        self._begin(np.ones(self.games, bool))
        return self.observe()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Actions (E, 2, 3) to observations (E, 2, 3, SIZE), rewards (E, 2, 3) float32, ended (E,) bool, and winner
        (E,) int64: 1 for team 0, -1 for team 1, 0 for a draw or no end.

        The step after a game's end ignores its actions and begins the next one, with reward 0, as Gymnasium's
        NEXT_STEP. Raises ValueError for actions of another shape or that do not exist.
        """
        action = np.asarray(action)
        if action.shape != self.row.shape or not ((action >= 0) & (action < ACTIONS)).all():
            raise ValueError(f"actions must have the shape {self.row.shape} and be from 0 to {ACTIONS - 1}")
        begins = self.ended
        units = Units(self.row, self.forward, self.health, self.absent)
        hits = attacks(units, action, self.rules)
        units, died = wounded(moved(units, action, self.rules), hits.sum(2)[:, ::-1], self.rules)
        gained = points(units, self.rules)
        self.row, self.forward, self.health, self.absent = returned(units, died, self.rules)
        self.score = self.score + gained
        self.elapsed = self.elapsed + 1
        self.ended = ((self.score >= self.rules.goal).any(1) | (self.elapsed >= self.rules.limit)) & ~begins
        winner = np.sign(self.score[:, 0] - self.score[:, 1]) * self.ended
        own = HIT * hits.sum(3) - DEATH * died
        own += (POINT * gained + WIN * winner[:, None] * (1, -1))[..., None]
        reward = np.where(begins[:, None, None], 0, own - own.mean(2, keepdims=True)[:, ::-1])
        self._begin(begins)
        return self.observe(), reward.astype(np.float32), self.ended, winner

    def observe(self) -> np.ndarray:
        """The present observations (E, 2, 3, SIZE)."""
        return observe(Units(self.row, self.forward, self.health, self.absent), self.score, self.elapsed, self.rules)

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers, which JSON can hold."""
        state = {name: getattr(self, name).tolist() for name in self.remembers}
        return {"generator": self.generator.bit_generator.state, **state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores the state of an arena of as many games. Raises ValueError for that of another number."""
        if len(state["elapsed"]) != self.games:
            raise ValueError(f"the state is of {len(state['elapsed'])} games, this arena has {self.games}")
        self.generator.bit_generator.state = state["generator"]
        for name in self.remembers:
            setattr(self, name, np.array(state[name], dtype=getattr(self, name).dtype))

    def _begin(self, games: np.ndarray) -> None:
        if not games.any():
            return
        shape = (int(games.sum()), 2, MEMBERS)
        self.row[games] = self.generator.integers(self.rules.rows, size=shape)
        self.forward[games] = self.generator.integers(3, size=shape)
        self.health[games], self.absent[games] = self.rules.health, 0
        self.score[games], self.elapsed[games] = 0, 0
        self.ended = self.ended & ~games
