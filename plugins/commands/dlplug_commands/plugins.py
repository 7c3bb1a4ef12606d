"""`dlplug plugins`: which plugins are installed, what they provide, and whether they work."""

from __future__ import annotations

from typing import Any

from dlplug import CommandParser, parsed_by
from dlplug.host.plugins import Host
from dlplug.output import print_result


def parser() -> CommandParser:
    made = CommandParser("dlplug plugins", description="Which plugins are installed, and whether they work.")
    made.add_argument("--json", action="store_true", help="print JSON")
    return made


@parsed_by(parser)
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
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("name", "version", "state", "load ms", "provides", "origin"):
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    for row in listed:
        provides = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in row["provides"].items())
        provides = provides or row["error"]
        table.add_row(
            row["name"], row["version"], row["state"], str(row["load_ms"]), escape(provides), escape(row["origin"])
        )
    console = Console()
    console.print(table)
    for problem in host.problems():
        console.print(f"[yellow]{escape(problem)}[/]")
