"""`dlplug report`: an HTML file and a Markdown twin about one run, or about many side by side."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

from dlplug import CommandParser, UserError, parsed_by
from dlplug.host.plugins import Host
from dlplug.runs.folder import host_of
from dlplug.runs.records import write_text

MARK = '<meta name="generator" content="dlplug report">'


def parser() -> CommandParser:
    made = CommandParser(
        "dlplug report",
        description="One self-contained HTML file (and a Markdown twin) of a run: what was run, its result against its"
        " target, curves, what it made, and how to reproduce it. Several runs are put side by side, seeds together.",
    )
    add = made.add_argument
    add("runs", nargs="+", metavar="RUN", help="a run folder, a recipe's name for its newest run, or a folder of runs")
    add(
        "--out",
        default="",
        metavar="PATH",
        help="the HTML file, or a folder for it (default: the run's folder; for several runs here, numbered)",
    )
    add("--wandb", action="store_true", help="also makes a W&B Report, of runs that W&B has")
    return made


@parsed_by(parser)
def report(flags: Any, host: Host) -> int:
    """A page about one run, or about many side by side.

    Raises UserError for what a user can mend.
    """
    from dlplug.runs.reader import find_runs
    from dlplug_report.page.html import html
    from dlplug_report.page.markdown import markdown
    from dlplug_report.page.model import build

    folders = find_runs(flags.runs)
    for folder in folders:
        try:
            host = host_of(folder, host)
        except UserError as error:  # what the run wrote down can be read without it
            print(error)
    page = build(folders, host)
    path = destination(flags.out, folders)
    for place, content in ((path, html(page)), (path.with_suffix(".md"), markdown(page, path.parent))):
        write(place, content)
        print(f"written: {place} ({math.ceil(len(content.encode()) / 1e3):,} kB)")
    for view in page.views:
        for note in view.record.notes:
            print(f"{view.record.folder}: {note}")
    if flags.wandb:
        from dlplug_report.page.wandb import publish

        print(f"W&B Report: {publish(page)}")
    return 0


def destination(out: str, folders: list[Path]) -> Path:
    """Where the HTML goes, and a Markdown twin beside it: report.html in the run's own folder, which is replaced; for
    several runs here, or in the folder `out`, under the first of report.html, report-2.html, … that is free; or the
    file `out`. Raises UserError where that would replace what is no report."""
    path = Path(out)
    if not out and len(folders) == 1:
        return folders[0] / "report.html"
    if not out or path.is_dir():
        return _free(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--out expects a path that ends in .html, or a folder, got {out}")
    for place in (path, path.with_suffix(".md")):
        if place.exists() and not _is_report(path):
            raise UserError(f"{place} exists already and is no report: choose another --out")
    return path


def _free(folder: Path) -> Path:
    names = itertools.chain(["report"], (f"report-{number}" for number in itertools.count(2)))
    return next(
        folder / f"{name}.html"
        for name in names
        if not any((folder / f"{name}{suffix}").exists() for suffix in (".html", ".md"))
    )


def _is_report(path: Path) -> bool:
    """Whether it is an earlier report."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return MARK in file.read(4000)
    except OSError:
        return False


def write(path: Path, content: str) -> None:
    """Atomic: where the write fails, an earlier report stays."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, content)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another with --out") from None
