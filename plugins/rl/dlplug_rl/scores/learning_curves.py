"""Learning curves of several seeds on one axis, read from the metrics that a run writes while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dlplug.runs.metrics_file import read_metrics
from dlplug_rl.scores.aggregate import interquartile_mean, interval

POINTS = 30  # of a curve; each is a mean over many episodes
REPETITIONS = 2_000  # of the bootstrap, at each point


class Curve(NamedTuple):
    """Over frames (points,), the interquartile mean of the seeds and the ends of its 95 % interval, (points,) each."""

    frames: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray


def curve_of(folders: Sequence[Path], key: str, until: float) -> Curve:
    """The curve of several seeds from 0 to `until` frames; it begins and ends where all of them have values."""
    edges = np.linspace(0, until, POINTS + 1)
    runs = np.stack([binned(*read_values(folder, key), edges) for folder in folders], axis=-1)
    defined = np.isfinite(runs).all(axis=1)
    scores = [runs[defined]]
    low, high = interval(interquartile_mean, scores, repetitions=REPETITIONS)
    return Curve(edges[1:][defined], interquartile_mean(scores), low, high)


def read_values(folder: Path, key: str) -> tuple[np.ndarray, np.ndarray]:
    """A run's frames (n,) and values (n,) of one metric so far; steps in place of frames where the data have no unit.
    An incomplete last line is left out."""
    metrics = read_metrics(folder)
    if key not in metrics.series:
        return np.empty(0), np.empty(0)
    series = metrics.series[key]
    return (series.counted if metrics.unit else series.step), series.value


def binned(frames: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(bins,) the mean of the values in each bin (lower edge, upper edge]; interpolated linearly where a bin
    has none, and NaN before the first value and after the last."""
    means = np.full(len(edges) - 1, np.nan)
    if not len(values):
        return means
    bins = np.clip(np.searchsorted(edges, frames, side="left") - 1, 0, len(means) - 1)
    total, count = np.bincount(bins, values, len(means)), np.bincount(bins, minlength=len(means))
    full = count > 0
    means[full] = total[full] / count[full]
    places = np.flatnonzero(full)
    return np.interp(np.arange(len(means)), places, means[places], left=np.nan, right=np.nan)


def key_for(folders: Sequence[Path]) -> str:
    """eval/return where every run has several evaluations, else train/return."""
    several = all(len(read_values(folder, "eval/return")[0]) > 1 for folder in folders)
    return "eval/return" if several else "train/return"


def last_frame(folder: Path, key: str) -> float:
    return float(max(read_values(folder, key)[0], default=0))
