"""How long recipes train, and so which of them to try first."""

from __future__ import annotations

import math
from statistics import median

from dlplug.claims.records import records
from dlplug.errors import UserError
from dlplug.host.plugins import Host
from dlplug.recipes import chosen_by_device


def cpu_seconds(host: Host, name: str) -> float | None:
    """About how long a recipe trains on a CPU: the median of what `verify` recorded of it as it is, or else what it
    declares itself; None where neither is there."""
    recipe = host.recipe(name)
    preset = "cpu" if chosen_by_device(recipe) else ""
    try:
        record = records(host, name).get(preset or "default")
    except UserError:  # its plugin is here without its records, or one is damaged
        record = None
    if record and record["runs"] and not record["environment"]["gpus"]:
        return median(run["seconds"] for run in record["runs"])
    return 60 * (recipe.presets[preset].minutes if preset else recipe.minutes) or None


def quickest(host: Host) -> str | None:
    """The recipe that takes the least time of those that need no download, or else of all; None where there is none."""

    def cost(name: str) -> tuple[bool, float]:
        try:
            return bool(host.recipe(name).needs), cpu_seconds(host, name) or math.inf
        except UserError:
            return True, math.inf

    return min(host.names("recipes"), key=cost, default=None)
