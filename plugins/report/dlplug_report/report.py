"""`dlplug report`: an HTML file and a Markdown file about one run, or about several side by side."""

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


def report_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug report",
        description="Writes a self-contained HTML file, and the same as Markdown, about a run: what was run, its result"
        " and targets, curves, media, and how to reproduce it. Several runs are compared side by side; the seeds of one"
        " configuration are grouped.",
    )
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN", help="a run folder, a recipe's name for its newest run, or a folder of runs")
    add(
        "--out",
        default="",
        metavar="PATH",
        help="the HTML file, or a folder for it (default: the run's folder; for several runs here, numbered)",
    )
    add("--wandb", action="store_true", help="also write a W&B Report, for runs that were logged to W&B")
    return parser


@parsed_by(report_parser)
def report(flags: Any, host: Host) -> int:
    """Writes a page about one run, or about several side by side.

    Raises UserError for errors that the user can correct.
    """
    from dlplug.runs.reader import find_runs
    from dlplug_report.page.html import html
    from dlplug_report.page.markdown import markdown
    from dlplug_report.page.model import build

    folders = find_runs(flags.runs)
    for folder in folders:
        try:
            host = host_of(folder, host)
        except UserError as error:  # the run folder can be read without its plugins
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
    """The path of the HTML file; the Markdown file is written beside it. For one run it is report.html in its folder,
    and replaces an earlier report; for several runs the first unused of report.html, report-2.html, … in the current
    folder or the folder `out`; or the file `out`. Raises UserError where it would replace a file that is no report."""
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
    """Whether the file is an earlier report."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return MARK in file.read(4000)
    except OSError:
        return False


def write(path: Path, content: str) -> None:
    """Writes atomically: if it fails, an earlier report is kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, content)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another with --out") from None
