"""What a sweep looks for: a metric, and whether more of it is better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from dlplug.errors import UserError
from dlplug.recipes import Recipe, claims


class Goal(NamedTuple):
    """metric: as it is logged while a run trains, and in its result.json."""

    metric: str
    maximise: bool

    def value(self, result: Mapping[str, Any]) -> float | None:
        """A run's last value, None where it has none."""
        value = result.get("metrics", {}).get(self.metric)
        return None if value is None else float(value)


def goal_of(recipe: Recipe, preset: str, given: Mapping[str, str]) -> Goal | None:
    """What was given as `maximize` or `minimize`, or else the recipe's first target; on `val` where that is on `test`,
    by which nothing is chosen.

    Raises UserError where both are given.
    """
    if "maximize" in given and "minimize" in given:
        raise UserError(f"give one of --maximize {given['maximize']} and --minimize {given['minimize']}")
    for key in ("maximize", "minimize"):
        if key in given:
            return Goal(given[key], key == "maximize")
    targets = claims(recipe, preset)
    if not targets:
        return None
    split, _, name = targets[0].metric.partition("/")
    return Goal(f"val/{name}" if split == "test" else targets[0].metric, targets[0].higher)
