"""`dlplug list`: recipes, or another kind of what plugins register, read without importing what is listed."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from dlplug import CommandParser, UserError, parsed_by
from dlplug.claims.durations import cpu_seconds
from dlplug.host.plugins import KINDS, Entry, Host
from dlplug.options.help import summary
from dlplug.output import print_result
from dlplug.recipes import Recipe, as_use, needs_gpu


def parser() -> CommandParser:
    made = CommandParser("dlplug list", description="Lists recipes, or another kind of what plugins register.")
    add = made.add_argument
    add(
        "kind",
        nargs="?",
        default="recipes",
        choices=KINDS,
        metavar="KIND",
        help=f"{', '.join(KINDS)} (default: recipes)",
    )
    add("--json", action="store_true", help="print JSON")
    return made


@parsed_by(parser)
def list_command(flags: Any, host: Host) -> int:
    """Lists recipes, or another kind of what plugins register."""
    listed = rows(host, flags.kind)
    return print_result(listed, flags.json, lambda: print_rows(host, flags.kind, listed))


def rows(host: Host, kind: str) -> list[dict[str, Any]]:
    """One mapping for each registered name."""
    if kind == "recipes":
        return _recipe_rows(host)
    return [
        {"name": e.name, "summary": summary(e), "plugin": e.plugin.name, "version": e.plugin.version}
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
