"""Downsamples curves without losing peaks, and aggregates the curves of several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
GRID = 200  # points of an aggregated curve


def thin(value: Floats, limit: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Ascending indices of at most `limit` of the values (points,): the first, the last, and the lowest and highest of
    each bucket of neighbours, so that the plot looks like that of the whole curve.

    Raises ValueError for a limit below 4.
    """
    if limit < 4:
        raise ValueError(f"a curve needs at least 4 points, got a limit of {limit}")
    if len(value) <= limit:
        return np.arange(len(value))
    edges = np.linspace(0, len(value), (limit - 2) // 2 + 1).astype(int)
    chosen = [0, len(value) - 1]
    for start, stop in pairwise(edges):
        chosen += [start + int(value[start:stop].argmin()), start + int(value[start:stop].argmax())]
    return np.unique(chosen)


class Band(NamedTuple):
    """Several seeds as one curve; every array is (points,). seeds: the number of seeds that have reached each point."""

    x: Floats
    middle: Floats
    low: Floats
    high: Floats
    seeds: Floats


def band(curves: Sequence[tuple[Floats, Floats]], points: int = GRID) -> Band:
    """Curves (x, y) of several seeds on one grid, each interpolated between its points, within its own range.

    From 4 seeds on the middle is the interquartile mean and the band reaches from the lower to the upper quartile
    (Agarwal et al. 2021, arXiv:2108.13264); below that they are the mean, the lowest and the highest.
    """
    curves = [(x[order], y[order]) for x, y in curves if len(x) for order in [np.argsort(x, kind="stable")]]
    grid = np.concatenate([x for x, _ in curves])
    grid = np.unique(grid) if all(len(x) <= points for x, _ in curves) else grid
    grid = grid if len(grid) <= points else np.linspace(grid.min(), grid.max(), points)
    values = np.stack([np.interp(grid, x, y, left=np.nan, right=np.nan) for x, y in curves])
    columns = [column[np.isfinite(column)] for column in values.T]
    covered = np.array([len(column) > 0 for column in columns])
    middle, low, high = np.array([summary(column) for column in columns if len(column)]).T
    seeds = np.array([len(column) for column in columns], dtype=float)
    return Band(grid[covered], middle, low, high, seeds[covered])


def summary(values: Floats) -> tuple[float, float, float]:
    """Middle, low and high of the seeds' values (seeds,), by the rule that `band` states."""
    if len(values) < 4:
        return float(values.mean()), float(values.min()), float(values.max())
    cut = len(values) // 4
    low, high = np.quantile(values, [0.25, 0.75])
    return float(np.sort(values)[cut : len(values) - cut].mean()), float(low), float(high)
