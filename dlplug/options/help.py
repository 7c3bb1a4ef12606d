"""What help shows: options, drawn by argparse, and what a registered thing is."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from dlplug.errors import UserError
from dlplug.host.plugins import Entry
from dlplug.host.signatures import REQUIRED, Option
from dlplug.options.parsing import flag
from dlplug.options.values import metavar
from dlplug.ranges import ranges_of

WIDEST = 100  # columns, beyond which lines are hard to read


class Layout(argparse.HelpFormatter):
    """As wide as the terminal, up to WIDEST; each line of a description stays a line."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=min(WIDEST, shutil.get_terminal_size().columns) - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = [textwrap.fill(line, width, initial_indent=indent, subsequent_indent=indent)
                  for line in text.splitlines()]  # fmt: skip
        return "\n".join(filled)


def add_options(parser: argparse.ArgumentParser, options: Sequence[Option], values: Mapping[str, Any]) -> None:
    """Every option in a group for each part, with its value, or else its default, and what it is for."""
    groups: dict[str, Any] = {}
    for option in options:
        part, dot, _ = option.name.rpartition(".")
        title = f"{part} options" if dot else "options"
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        meaning = "; ".join([*filter(None, [option.help]), *map(str, ranges_of(option.type))])
        value = values.get(option.name, option.default)
        default = "required" if value is REQUIRED else f"default: {typed(value)}"
        text = f"{meaning} ({default})".strip().replace("%", "%%")  # argparse formats it
        groups[title].add_argument(flag(option.name), metavar=metavar(option.type), help=text)


def typed(value: Any) -> str:
    """A value as it is typed."""
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, value)) or "none" if isinstance(value, (list, tuple)) else str(value) or '""'


def summary(entry: Entry) -> str:
    """What a registered thing is, in a sentence; of a broken one why, so that it does not hide the others."""
    try:
        return entry.signature().summary
    except UserError as error:
        return f"broken: {error}"
