"""The interface of vectorised environments: N environments that step together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from dlplug_play.episodes import Ended
from dlplug_play.specs import PlaySpec


class TimeStep(NamedTuple):
    """The result of a step of N environments.

    Rows with `first` begin an episode: their reward and flags have no meaning, and the action was ignored.

    obs: (N, *spec.input). Of stacked frames the newest is obs[:, -1]; frames before an episode's start are zeros.
    reward: (N,) float32, raw.
    terminated: (N,) bool, the episode ended by its rules: no bootstrap.
    truncated: (N,) bool, a time limit ended it: obs is the true last observation, to bootstrap from.
    first: (N,) bool.
    life_lost: (N,) bool, a life was lost in this step and the game continues; False in games without lives.
    """

    obs: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    first: np.ndarray
    life_lost: np.ndarray


class Environments(Protocol):
    """N environments that step together and reset automatically.

    After a row ends (terminated or truncated), the next `receive` returns the first observation of its next episode,
    with `first`. Every `send` is followed by one `receive`; between the two the caller may do other work.

    count: N.
    spec: shape of an observation, number of actions and their names; mean and deviation if they were estimated.
    dtype: type of observations, np.uint8 or np.float32.
    frames_per_step: frames of the game per action.
    fps: images per second of a film at the game's own speed, with one image per action.
    limit: actions after which an episode is truncated in addition to the environment's own limit; None for never.
    """

    count: int
    spec: PlaySpec
    dtype: np.dtype
    frames_per_step: int
    fps: int
    limit: int | None

    def reset(self) -> TimeStep:
        """Begins new episodes in all environments, the same at every call."""
        ...

    def send(self, actions: np.ndarray) -> None:
        """Sends one action to each environment, (N,) integers or (N, D) real numbers; does not wait where the
        environments have their own threads."""
        ...

    def receive(self) -> TimeStep: ...

    def film(self, lane: int, actions: np.ndarray) -> Iterator[np.ndarray] | None:
        """Replays the episode of environment `lane` since its reset: yields one image (height, width, 3) uint8 after
        the reset and one after each action. None for environments that cannot render."""
        ...

    def close(self) -> None: ...


class Tally:
    """Accumulates the returns and lengths in actions, both (N,), of the episodes in N environments."""

    def __init__(self, count: int) -> None:
        self.returns, self.lengths = np.zeros(count), np.zeros(count, np.int64)

    def add(self, timestep: TimeStep) -> list[Ended]:
        """The episodes that ended in this step."""
        self.returns = np.where(timestep.first, 0, self.returns + timestep.reward)
        self.lengths = np.where(timestep.first, 0, self.lengths + 1)
        rows = np.flatnonzero(timestep.terminated | timestep.truncated)
        return [Ended(int(row), float(self.returns[row]), int(self.lengths[row])) for row in rows]
