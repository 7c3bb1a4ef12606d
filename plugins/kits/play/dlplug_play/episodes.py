"""Evaluation episodes, their raw scores, and the description of the protocol."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from dlplug.stop import stop_if_asked
from dlplug_play.policy import Policy

LANES = 16  # largest number of environments in an evaluation
EPISODE_LIMIT = 27_000  # actions: half an hour of an Atari game; for environments without a shorter limit
STARTS = {
    "eval": 1_000_003,
    "test": 2_000_003,
}  # added to the run's seed, so that training and splits start differently


class Episode(NamedTuple):
    """A whole episode: the index of its environment, its raw score, its length in actions, and the number of actions
    that each environment had received when it ended."""

    lane: int
    score: float
    length: int
    sent: int


class Ended(NamedTuple):
    """An episode that ended in a step: its environment, raw score and length in actions."""

    lane: int
    score: float
    length: int


class Step(NamedTuple):
    """The result of a step of N environments: observations, whether each begins an episode (N,), and the ended
    episodes."""

    obs: Any
    first: np.ndarray
    ended: Sequence[Ended]


class Arena(Protocol):
    """N environments for evaluation, which step together and reset automatically.

    count: N. fps: frames per second of a video with one frame per action.
    """

    @property
    def count(self) -> int: ...

    @property
    def fps(self) -> int: ...

    def reset(self) -> Any:
        """The first observations of new episodes, the same at every call."""
        ...

    def step(self, actions: np.ndarray) -> Step: ...

    def film(self, lane: int, actions: np.ndarray) -> Iterator[np.ndarray] | None:
        """Replays the actions of environment `lane` since its reset: yields a frame (height, width, 3) uint8, with even
        height and width, before each action, and possibly one after the last. None for environments that cannot be
        rendered. Raises UserError if the library that renders them is not installed."""
        ...


def shares(count: int, lanes: int) -> np.ndarray:
    """(lanes,): the number of episodes of each environment, fixed in advance: counting the first episodes to end would
    favour short ones."""
    return np.full(lanes, count // lanes) + (np.arange(lanes) < count % lanes)


def play(policy: Policy, arena: Arena, counts: np.ndarray, *, greedy: bool = True) -> tuple[list[Episode], np.ndarray]:
    """Plays until every environment has finished its number of episodes.

    counts: (N,). Returns the episodes in the order in which they ended, and all actions (steps, N, ...). Raises Stopped
    if a stop is requested.
    """
    left = counts.copy()
    played: list[Episode] = []
    sent: list[np.ndarray] = []
    obs, first, state = arena.reset(), np.ones(arena.count, dtype=bool), policy.start(arena.count)
    while left.any():
        stop_if_asked()
        actions, state, _ = policy.act(obs, state, first, greedy=greedy)
        sent.append(actions)
        obs, first, ended = arena.step(actions)
        for lane, score, length in ended:
            if left[lane] > 0:
                played.append(Episode(lane, score, length, len(sent)))
                left[lane] -= 1
    return played, np.stack(sent)


def summary(played: Sequence[Episode]) -> dict[str, float]:
    """return (mean), return_std, return_min, return_max and episode_length (mean, in actions)."""
    scores = np.array([episode.score for episode in played])
    return {
        "return": float(scores.mean()),
        "return_std": float(scores.std()),
        "return_min": float(scores.min()),
        "return_max": float(scores.max()),
        "episode_length": float(np.mean([episode.length for episode in played])),
    }


def counted(count: int) -> str:
    """ "30 episodes", "1 episode"."""
    return f"{count} episode{'s' if count > 1 else ''}"


def cut_short(played: Iterable[Episode], limit: int | None) -> str:
    """The part of the protocol about truncated episodes; "" if there were none."""
    cut = sum(episode.length == limit for episode in played)
    return f", {cut} of them cut at {limit:,} actions" if cut else ""


def training_means(finished: Sequence[tuple[float, int]]) -> dict[str, float]:
    """return and episode_length: the means over training episodes (return, length); {} if none ended."""
    if not finished:
        return {}
    mean_return, mean_length = np.mean(finished, axis=0)
    return {"return": float(mean_return), "episode_length": float(mean_length)}
