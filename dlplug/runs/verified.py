"""What `dlplug verify` has recorded of recipes, in the results/ of their plugins, and how long they train by that."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from statistics import median
from typing import Any

from dlplug.advice import command
from dlplug.errors import UserError
from dlplug.host.plugins import Host
from dlplug.runs.folder import results_folder

UNFINISHED = " (unfinished)"


def records(host: Host, recipe: str) -> dict[str, dict[str, Any]]:
    """The records of a recipe, by preset and change; an unfinished one only where no other is.

    Raises UserError for a damaged file, and for a plugin without its source.
    """
    path = results_folder(host, recipe) / f"{recipe}.json"
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} is damaged: {error}; {command('verify', recipe, '--record')} records it afresh"
        ) from None
    return {
        name: record for name, record in entries.items() if name.removesuffix(UNFINISHED) not in {*entries} - {name}
    }


def cpu_seconds(host: Host, name: str) -> float | None:
    """About how long a recipe trains on a CPU: the median of what `verify` recorded of it as it is, or else what it
    declares itself; None where neither is there."""
    recipe = host.recipe(name)
    preset = "cpu" if {"cpu", "gpu"} <= recipe.presets.keys() else ""
    try:
        record = records(host, name).get(preset or "default")
    except UserError:  # its plugin is here without its records, or one is damaged
        record = None
    if record and record["runs"] and not record["environment"]["gpus"]:
        return median(run["seconds"] for run in record["runs"])
    return 60 * (recipe.presets[preset].minutes if preset else recipe.minutes) or None


def quickest_first(host: Host) -> Iterator[str]:
    """The recipes, those first that need no download and take the least time."""

    def place(name: str) -> tuple[bool, float]:
        try:
            return bool(host.recipe(name).needs), cpu_seconds(host, name) or math.inf
        except UserError:
            return True, math.inf

    yield from sorted(host.names("recipes"), key=place)


def needed_recipe(host: Host, verb: str, name: str) -> str:
    """The recipe that a verb was given. Raises UserError, with an example, where it was given none."""
    if name:
        return name
    example = next(quickest_first(host), "RECIPE")
    raise UserError(f"dlplug {verb} needs a RECIPE, as in `{command(verb, example)}`")
