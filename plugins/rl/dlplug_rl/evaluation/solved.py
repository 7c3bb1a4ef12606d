"""The metric `solved`: how many training episodes it took."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlplug import PositiveInt, Run
from dlplug.runs.metrics_file import read_metrics

RECENT = 100  # episodes over which a training return is averaged, as OpenAI's Gym did


def episodes_to_solve(returns: np.ndarray, threshold: float, window: int = RECENT) -> int | None:
    """The number of episodes after which the mean return of the last `window` reaches the threshold for the first time;
    None where it never does. returns: (episodes,)."""
    if len(returns) < window:
        return None
    means = np.convolve(returns, np.ones(window) / window, "valid")
    reached = np.flatnonzero(means >= threshold - 1e-9)
    return int(reached[0]) + window if len(reached) else None


def solved(
    product: Any, data: Any, *, threshold: float = 195.0, window: PositiveInt = RECENT, run: Run
) -> dict[str, Any]:
    """Counts training episodes, of which each must be a step that was logged (--log-every 1, one environment).

    threshold: mean return at which the problem is solved; 195 for CartPole-v0, 200 for LunarLander
    window: episodes over which the return is averaged

    Returns episodes: the number after which it was solved, or all that were played; and solved: 1 or 0.
    """
    series = read_metrics(run.folder).series.get("train/return")
    returns = np.asarray(series.value if series else [], dtype=float)
    count = episodes_to_solve(returns, threshold, window)
    protocol = f"training episodes until the mean return of the last {window} is {threshold:g}"
    return {"episodes": count or len(returns), "solved": float(count is not None), "protocol": protocol}
