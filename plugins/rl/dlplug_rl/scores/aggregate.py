"""Aggregates over games and seeds, with intervals: Agarwal et al. 2021 (arXiv:2108.13264).

Scores come as a list of arrays, one for each game, (..., runs): games may have different numbers of runs, and all axes
but the last are kept, so that a whole curve is aggregated at once. Float64 throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Scores = Sequence[np.ndarray]
Statistic = Callable[[Scores], np.ndarray]

CONFIDENCE = 0.95
REPETITIONS = 20_000  # resamplings; rliable takes 50,000 by default and 2,000 in its examples


def mean(scores: Scores) -> np.ndarray:
    """(...) the mean over the games of each game's mean over its runs."""
    return np.mean([game.mean(-1) for game in scores], axis=0)


def median(scores: Scores) -> np.ndarray:
    """(...) the median over the games of each game's mean over its runs, as Atari papers report it."""
    return np.median([game.mean(-1) for game in scores], axis=0)


def interquartile_mean(scores: Scores) -> np.ndarray:
    """(...) the mean of the middle half of all runs of all games: a quarter of them, rounded down, is left out at
    either end."""
    pooled = np.sort(np.concatenate(scores, axis=-1), axis=-1)
    runs = pooled.shape[-1]
    return pooled[..., runs // 4 : runs - runs // 4].mean(-1)


def resampled(scores: Scores, repetitions: int, seed: int) -> list[np.ndarray]:
    """[(..., repetitions, runs)] a stratified bootstrap: from each game, as many runs as it has, with replacement."""
    generator = np.random.default_rng(seed)
    chosen = (generator.integers(game.shape[-1], size=(repetitions, game.shape[-1])) for game in scores)
    return [game[..., index] for game, index in zip(scores, chosen, strict=True)]


def interval(
    statistic: Statistic, scores: Scores, *, repetitions: int = REPETITIONS, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The ends (...) of the 95 % percentile interval of a statistic. It is meaningless if a game has a single run:
    its bootstrap samples do not vary."""
    outside = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(statistic(resampled(scores, repetitions, seed)), [outside, 100 - outside], axis=-1)
    return low, high
