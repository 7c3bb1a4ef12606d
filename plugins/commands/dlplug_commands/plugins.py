"""`dlplug plugins`: which plugins are installed, what they provide, and whether they work."""

from __future__ import annotations

import shutil
import textwrap
from typing import Any

from dlplug import CommandParser, parsed_by
from dlplug.host.plugins import Host
from dlplug.output import print_result


def plugins_parser() -> CommandParser:
    parser = CommandParser("dlplug plugins", description="Lists the installed plugins, and whether they work.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


@parsed_by(plugins_parser)
def plugins_command(flags: Any, host: Host) -> int:
    """Lists the installed plugins, and whether they work."""
    rows = plugin_rows(host)
    return print_result(rows, flags.json, lambda: print_plugins(host, rows))


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


def print_plugins(host: Host, listed: list[dict[str, Any]]) -> None:
    """A paragraph for each plugin, as wide as the terminal: its state, then what it registers, a line for each kind."""
    width = max(40, shutil.get_terminal_size().columns)
    wrapper = textwrap.TextWrapper(width, initial_indent="  ", subsequent_indent="    ")
    wrapper.break_on_hyphens = wrapper.break_long_words = False  # names stay whole, so that they can be copied
    for row in listed:
        print(
            f"{row['name']} {row['version']}".strip()
            + f": {row['state']}; {row['origin']}; {row['load_ms']} ms to load"
        )
        lines = [f"{kind}: {', '.join(names)}" for kind, names in row["provides"].items()] or [row["error"]]
        for line in filter(None, lines):
            print(wrapper.fill(line))
    for problem in host.problems():
        print(problem)
