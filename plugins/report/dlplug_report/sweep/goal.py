"""The goal of a sweep: a metric, and whether higher is better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from dlplug.errors import UserError
from dlplug.recipes import Recipe, claims


class Goal(NamedTuple):
    """metric: its key in metrics.jsonl and result.json."""

    metric: str
    maximise: bool

    def value(self, result: Mapping[str, Any]) -> float | None:
        """A run's final value; None if it was not measured, NaN if it is not finite (NaN, null or Infinity in the
        file)."""
        metrics = measured(result)
        if self.metric not in metrics:
            return None
        value = metrics[self.metric]
        return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else math.nan


def measured(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metrics of a result.json; {} for a file of another form."""
    metrics = result.get("metrics")
    return metrics if isinstance(metrics, Mapping) else {}


def goal_of(recipe: Recipe, preset: str, maximize: str = "", minimize: str = "", watched: str = "val") -> Goal | None:
    """The metric of --maximize or --minimize, or else of the recipe's first target; a target on `test`, by which
    nothing may be chosen, is replaced by the split that training evaluates on. None where there is neither.

    Raises UserError where both are given.
    """
    if maximize and minimize:
        raise UserError(f"give one of --maximize {maximize} and --minimize {minimize}")
    if maximize or minimize:
        return Goal(maximize or minimize, bool(maximize))
    targets = claims(recipe, preset)
    if not targets:
        return None
    split, _, name = targets[0].metric.partition("/")
    return Goal(f"{watched}/{name}" if split == "test" else targets[0].metric, targets[0].higher)
