"""`dlplug list`: lists recipes, or another kind of registered object, without importing the objects themselves."""

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


def list_parser() -> CommandParser:
    parser = CommandParser("dlplug list", description="Lists recipes, or another kind of registered object.")
    add = parser.add_argument
    add(
        "kind",
        nargs="?",
        default="recipes",
        choices=KINDS,
        metavar="KIND",
        help=f"{', '.join(KINDS)} (default: recipes)",
    )
    add("--json", action="store_true", help="print JSON")
    return parser


@parsed_by(list_parser)
def list_command(flags: Any, host: Host) -> int:
    """Lists recipes, or another kind of registered object."""
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
    """The simplest first: plugins by their recipes' mean level, recipes by level, then as registered."""
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
    except UserError as error:  # a broken recipe must not hide the others
        row["summary"] = f"broken: {error}"
    return row | {"plugin": entry.plugin.name, "version": entry.plugin.version}


def print_rows(host: Host, kind: str, listed: list[dict[str, Any]]) -> None:
    """Aligned columns, wrapped to the terminal's width. A table of rich would double the command's run time."""
    plugins = dict.fromkeys(row["plugin"] for row in listed)
    names = max((len(row["name"]) for row in listed), default=0)
    left = names + (12 if kind == "recipes" else 4)
    room = max(20, shutil.get_terminal_size().columns - left)
    for plugin in plugins if kind == "recipes" else sorted(plugins):
        print(plugin)
        for row in (row for row in listed if row["plugin"] == plugin):
            time = f"{_time(row):>6}  " if kind == "recipes" else ""
            description = f"\n{' ' * left}".join(textwrap.wrap(_description(row), room))
            print(f"  {row['name']:{names}}  {time}{description}")
    if not listed:
        print(f"no {kind}: install a plugin, such as dlplug[rl]")
    if any(row.get("gpu") for row in listed):
        print("\nTimes are training times on a CPU. GPU: meant for a GPU; a CPU trains a smaller version.")
    for problem in host.problems():
        print(problem)


def _time(row: Mapping[str, Any]) -> str:
    return "GPU" if row["gpu"] else "" if row["cpu_seconds"] is None else rough(row["cpu_seconds"])


def rough(seconds: float) -> str:
    """A duration with at most two digits: "40 s", "25 min", "9 h", "3 days"."""
    if seconds < 90:
        return f"{max(1.0, seconds):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 2 * 86400 else f"{seconds / 86400:.0f} days"


def _description(row: Mapping[str, Any]) -> str:
    """The summary, and what differs from most recipes: requirements, the trainer, a smaller version on a CPU."""
    unusual = [f"needs {row['needs']}"] if row.get("needs") else []
    unusual += [f"trainer {row['trainer']}"] if row.get("trainer", "torch") not in ("torch", "") else []
    if row.get("gpu") and row["cpu_seconds"] is not None:
        unusual.append(f"smaller on a CPU: {rough(row['cpu_seconds'])}")
    return row["summary"] + (f" ({'; '.join(unusual)})" if unusual else "")
