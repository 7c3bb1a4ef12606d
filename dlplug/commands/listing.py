"""What `list`, `show`, `plugins` and a recipe's `--help` say, read without importing what is listed."""

from __future__ import annotations

import math
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from statistics import fmean, median
from typing import Any

from dlplug.commands.tables import records
from dlplug.errors import UserError
from dlplug.host.plugins import Entry, Host
from dlplug.options import help as options_help
from dlplug.options.layers import choose, resolve
from dlplug.options.parts import choice_keys, schema, units_of
from dlplug.options.reading import Config
from dlplug.recipes import Recipe, as_use, claims, needs_gpu
from dlplug.runs.folder import find_run, host_of, read_config
from dlplug.runs.samples import sampler_names, sampler_of
from dlplug.training.device_hint import likely_preset


def rows(host: Host, kind: str) -> list[dict[str, Any]]:
    """One mapping for each registered name."""
    if kind == "recipes":
        return _recipe_rows(host)
    return [
        {"name": e.name, "summary": _summary(e), "plugin": e.plugin.name, "version": e.plugin.version}
        for e in host.entries(kind)
    ]


def _recipe_rows(host: Host) -> list[dict[str, Any]]:
    """The simplest first: plugins by the mean level of their recipes, these by level, then as they were registered."""
    listed = [_recipe_row(host, entry) for entry in host.registered("recipes")]
    levels: dict[str, list[int]] = {}
    for row in listed:
        levels.setdefault(row["plugin"], []).append(row["level"])
    return sorted(listed, key=lambda row: (fmean(levels[row["plugin"]]), row["plugin"], row["level"]))


def _recipe_row(host: Host, entry: Entry) -> dict[str, Any]:
    row = {"name": entry.name, "summary": "", "level": Recipe.level, "trainer": "", "presets": [], "needs": ""}
    row |= {"gpu": False, "cpu_seconds": None}
    try:
        recipe = host.recipe(entry.name)
        row |= {"summary": recipe.summary, "level": recipe.level, "trainer": as_use(recipe.trainer).name}
        row |= {"presets": list(recipe.presets), "needs": recipe.needs}
        row |= {"gpu": needs_gpu(recipe), "cpu_seconds": cpu_seconds(host, entry.name)}
    except UserError as error:  # a broken name must not hide the others
        row["summary"] = f"broken: {error}"
    return row | {"plugin": entry.plugin.name, "version": entry.plugin.version}


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


def print_rows(host: Host, kind: str, listed: list[dict[str, Any]]) -> None:
    """In columns as wide as the terminal has room for; by hand, for a table of rich's takes as long as all the rest."""
    plugins = dict.fromkeys(row["plugin"] for row in listed)
    names = max((len(row["name"]) for row in listed), default=0)
    left = names + (12 if kind == "recipes" else 4)
    room = max(20, shutil.get_terminal_size().columns - left)
    for plugin in plugins if kind == "recipes" else sorted(plugins):
        print(plugin)
        for row in (row for row in listed if row["plugin"] == plugin):
            time = f"{_time(row):>6}  " if kind == "recipes" else ""
            said = f"\n{' ' * left}".join(textwrap.wrap(_said_of(row), room))
            print(f"  {row['name']:{names}}  {time}{said}")
    if not listed:
        print(f"no {kind}: install a plugin, such as dlplug[rl]")
    if any(row.get("gpu") for row in listed):
        print("\nTimes are of training on a CPU. GPU: made for one; a CPU trains a smaller version.")
    for problem in host.problems():
        print(problem)


def _time(row: Mapping[str, Any]) -> str:
    return "GPU" if row["gpu"] else "" if row["cpu_seconds"] is None else rough(row["cpu_seconds"])


def rough(seconds: float) -> str:
    """A time of two digits at most: "40 s", "25 min", "9 h", "3 days"."""
    if seconds < 90:
        return f"{max(1.0, seconds):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 2 * 86400 else f"{seconds / 86400:.0f} days"


def _said_of(row: Mapping[str, Any]) -> str:
    """The summary, and what is unusual about it."""
    unusual = [f"needs {row['needs']}"] if row.get("needs") else []
    unusual += [f"trainer {row['trainer']}"] if row.get("trainer", "torch") not in ("torch", "") else []
    if row.get("gpu") and row["cpu_seconds"] is not None:
        unusual.append(f"smaller on a CPU: {rough(row['cpu_seconds'])}")
    return row["summary"] + (f" ({'; '.join(unusual)})" if unusual else "")


def describe(host: Host, name: str, preset: str = "") -> dict[str, Any]:
    """A recipe's parts, options, source and targets, under a preset."""
    recipe = host.recipe(name)
    preset = preset or likely_preset(recipe)
    config = resolve(host, name, [], preset, partly=True)
    return {
        "recipe": name,
        "summary": recipe.summary,
        "source": recipe.source,
        "needs": recipe.needs,
        "preset": preset,
        "presets": {key: value.summary for key, value in recipe.presets.items()},
        "targets": [{"target": str(target), "source": target.source} for target in claims(recipe, preset)],
        "evaluation": dict(recipe.evaluation),
        "samplers": sampler_names(host, name),
        "options": {key: value for key, value in config.items() if key not in ("recipe", "preset")},
    }


def print_options(host: Host, name: str, preset: str, given: Config) -> None:
    """`dlplug run RECIPE --help`: every option of the parts that are chosen."""
    recipe = host.recipe(name)
    preset = preset or likely_preset(recipe)
    chosen = {key: value for key, value in given.items() if key in choice_keys(recipe)}
    config = resolve(host, name, [chosen], preset, partly=True)
    choices = choose(host, name, [chosen], preset)
    presets = "".join(f"\n--preset {key}: {value.summary}" for key, value in recipe.presets.items())
    parts = "".join(f"\n--{key} {_text(value)}" for key, value in choices.items() if value)
    whose = f"the preset {preset}" if preset else "the recipe"
    header = f"{recipe.summary}\nSource: {recipe.source}\n{presets}\n{parts}\n\nThe defaults are those of {whose}."
    options_help.print_options(schema(host, choices, units_of(host, choices)), config, f"dlplug run {name}", header)


def print_sampler_options(host: Host, name: str, what: str) -> None:
    """`dlplug sample RUN --help`: the options of the sampler that is chosen; a recipe need not have been run for it."""
    try:
        folder = find_run(name)
    except UserError:
        if name not in host.names("recipes"):
            raise
        run = {"recipe": name, "seed": 0}
    else:
        run, host = read_config(folder), host_of(folder, host)
    sampler, options = sampler_of(host, run["recipe"], what, run["seed"])
    named = sampler_names(host, run["recipe"])
    lines = [f"{sampler.name}: {_summary(sampler)}"]
    if len(named) > 1:
        lines += [f"--what {other}: {_summary(host.get('samplers', other))}" for other in named]
    lines += [
        "--out PATH: a file (its suffix chooses the format) or a new folder; else a numbered one below the run folder",
        "--json: paths and numbers alone",
        "",
        "Options of the run, such as --device cpu, overlay its own.",
    ]
    options_help.print_options(options, {}, f"dlplug sample {name}", "\n".join(lines))


def plugin_rows(host: Host) -> list[dict[str, Any]]:
    return [
        {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "state": plugin.state,
            "error": plugin.error,
            "origin": plugin.origin,
            "load_ms": round(plugin.seconds * 1000, 1),
            "provides": {kind: names for kind, names in plugin.provides.items() if names},
        }
        for plugin in host.plugins
    ]


def option_names(host: Host, name: str) -> list[str]:
    """Every option of a recipe, for completion."""
    choices = choose(host, name, [])
    return [*choices, *(option.name for option in schema(host, choices, units_of(host, choices)))]


def _summary(entry: Entry) -> str:
    try:
        return entry.signature().summary
    except UserError as error:  # a broken name must not hide the others
        return f"broken: {error}"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
