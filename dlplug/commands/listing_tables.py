"""Prints for people what `show` and `plugins` say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dlplug.advice import command
from dlplug.host.plugins import Host


def print_description(shown: Mapping[str, Any]) -> None:
    console = Console()
    console.print(f"[bold]{shown['recipe']}[/]: {escape(shown['summary'])}")
    console.print(f"source: {escape(shown['source'])}", highlight=False)
    for target in shown["targets"]:
        source = f", from {escape(target['source'])}" if target["source"] else ""
        console.print(f"{'target' if source else 'measured'}: {escape(target['target'])}{source}", highlight=False)
    if shown["evaluation"]:
        said = ", ".join(f"{key} {_text(value)}" for key, value in shown["evaluation"].items())
        console.print(f"`eval` and `verify` measure with: {said}", highlight=False)
    if shown["samplers"]:
        console.print(f"`{command('sample', shown['recipe'])}` shows: {', '.join(shown['samplers'])}", highlight=False)
    if shown["needs"]:
        console.print(f"needs: {escape(shown['needs'])}")
    for name, summary in shown["presets"].items():
        console.print(
            f"preset {name}{' (shown)' if name == shown['preset'] else ''}: {escape(summary)}", highlight=False
        )
    table = _table("option", "value")
    for key, value in shown["options"].items():
        table.add_row(key, _text(value))
    console.print(table)


def print_plugins(host: Host, listed: list[dict[str, Any]]) -> None:
    table = _table("name", "version", "state", "load ms", "provides", "origin")
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


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in ("name", "option"))
    return table


def _text(value: Any) -> str:
    return escape(", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))
