"""A report as Markdown, for a repository, a pull request or a terminal."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from dlplug_report.page import sections
from dlplug_report.page.groups import text
from dlplug_report.page.media import galleries
from dlplug_report.page.model import Report

FENCE_OR_BLANKS = re.compile(r"^(`{3,})\n.*?^\1$|\n{3,}", re.DOTALL | re.MULTILINE)


def markdown(report: Report, beside: Path) -> str:
    """beside: the folder of the Markdown file; media are linked relative to it, not copied."""
    environment = Environment(
        loader=PackageLoader("dlplug_report.page"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, finalize=escaped,
    )  # fmt: skip
    environment.filters |= {"text": text, "number": sections.number, "link": lambda path: link(path, beside)}
    written = environment.get_template("report.md").render(
        report=report, sections=sections, galleries=galleries(report.groups), fenced=fenced, code=code, plain=Plain
    )
    return FENCE_OR_BLANKS.sub(lambda match: match[0] if match[1] else "\n\n", written)


class Plain(str):
    """Text that is Markdown already."""


def escaped(value: Any) -> str:
    """A value from a run or a recipe on one line, with the markup of Markdown and HTML escaped."""
    if isinstance(value, Plain):
        return value
    line = " ".join(str(value).split("\n"))
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", line)


def code(value: str) -> Plain:
    """One line of code in a table or a sentence."""
    ticks = "`" * (max(map(len, re.findall("`+", value)), default=0) + 1)
    padding = " " if value.startswith("`") or value.endswith("`") else ""
    return Plain(f"{ticks}{padding}{' '.join(value.split())}{padding}{ticks}")


def fenced(value: str) -> Plain:
    """A fenced code block, whose fence is longer than any in the text."""
    ticks = "`" * max(3, max(map(len, re.findall("`+", value)), default=0) + 1)
    return Plain(f"{ticks}\n{value}\n{ticks}")


def link(path: Path, beside: Path) -> Plain:
    from urllib.parse import quote

    return Plain(quote(os.path.relpath(path, beside).replace(os.sep, "/")))
