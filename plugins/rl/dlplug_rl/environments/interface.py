"""What a player plays in: N environments that step together, behind one small interface."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from dlplug_play.episodes import Ended

from dlplug.contracts import Spec


class Seen(NamedTuple):
    """What N environments show after a step.

    Rows where `first` is set begin an episode: their reward and ends are void, and the action sent was ignored.

    obs: (N, *spec.input), what a policy sees now. For frames the newest is obs[:, -1], and what lies before an
        episode's start is zeros.
    reward: (N,) float32, raw.
    terminated: (N,) bool, the game ended: the bootstrap stops.
    truncated: (N,) bool, a time limit ended it: obs is the true last observation, to bootstrap from.
    first: (N,) bool.
    life_lost: (N,) bool, a life was lost in this step and the game goes on; nowhere in games without lives.
    """

    obs: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    first: np.ndarray
    life_lost: np.ndarray


class Environments(Protocol):
    """N environments that step together and begin again by themselves.

    After a row ends (terminated or truncated), the next `receive` shows its next episode's beginning and marks it
    `first`. Every `send` is followed by one `receive`; between the two the caller may do other work.

    count: N.
    spec: shape of an observation, number of actions and their names; mean and deviation where they were estimated.
    dtype: of an observation, np.uint8 or np.float32.
    frames_per_step: frames of the game that one action lasts.
    fps: pictures a second of a film that shows the game as it is played, one picture an action.
    limit: actions after which an episode is truncated that its own rules would let go on; None for never.
    """

    count: int
    spec: Spec
    dtype: np.dtype
    frames_per_step: int
    fps: int
    limit: int | None

    def reset(self) -> Seen:
        """Begins new episodes everywhere, the same ones at every call."""
        ...

    def send(self, actions: np.ndarray) -> None:
        """Hands over one action for each environment, (N,) integers, and returns at once where the environments have
        threads of their own."""
        ...

    def receive(self) -> Seen: ...

    def film(self, lane: int, actions: np.ndarray) -> Iterator[np.ndarray] | None:
        """Plays what environment `lane` played since its reset again, given the actions it was sent: one picture,
        (height, width, 3) uint8, of the reset and one after each action. None where there is nothing to see."""
        ...

    def close(self) -> None: ...


class Tally:
    """Adds up the episodes that N environments play: their returns and their lengths in actions, (N,) both."""

    def __init__(self, count: int) -> None:
        self.returns, self.lengths = np.zeros(count), np.zeros(count, np.int64)

    def add(self, seen: Seen) -> list[Ended]:
        """The episodes that ended in this step."""
        self.returns = np.where(seen.first, 0, self.returns + seen.reward)
        self.lengths = np.where(seen.first, 0, self.lengths + 1)
        rows = np.flatnonzero(seen.terminated | seen.truncated)
        return [Ended(int(row), float(self.returns[row]), int(self.lengths[row])) for row in rows]
