"""`dlplug report`: an HTML file and a Markdown twin about one run, or about many side by side."""

from __future__ import annotations

from pathlib import Path

from dlplug import CommandParser, UserError
from dlplug.plugins import Host


def report(arguments: list[str], host: Host) -> int:
    """Writes the report. arguments: runs and flags. Raises UserError for what a user can mend."""
    parser = _parser()
    if {"--help", "-h"} & set(arguments):
        parser.print_help()
        return 0
    given = parser.parse_args(arguments)
    from dlplug_report.html import html
    from dlplug_report.markdown import markdown
    from dlplug_report.model import build
    from dlplug_report.reading import find_runs

    folders = find_runs(given.runs)
    path = destination(given.out, folders)
    told = build(folders, host)
    for place, content in ((path, html(told)), (path.with_suffix(".md"), markdown(told, path.parent))):
        write(place, content)
        print(f"written: {place} ({len(content.encode()) / 1e6:.2g} MB)")
    for view in told.views:
        for note in view.record.notes:
            print(f"{view.record.folder}: {note}")
    if given.wandb:
        from dlplug_report.wandb_report import publish

        print(f"W&B Report: {publish(told)}")
    return 0


def destination(out: str, folders: list[Path]) -> Path:
    """Where the HTML goes: --out, or report.html in the run's own folder, or here for several runs."""
    if not out:
        return folders[0] / "report.html" if len(folders) == 1 else Path("report.html")
    path = Path(out)
    if path.is_dir():
        return path / "report.html"
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--out expects a path that ends in .html, or a folder, got {out}")
    return path


def write(path: Path, content: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another with --out") from None


def _parser() -> CommandParser:
    parser = CommandParser(
        "dlplug report",
        description="One self-contained HTML file (and a Markdown twin) of a run: what was run, its result against its"
        " target, curves, what it made, and how to reproduce it. Several runs are put side by side, seeds together.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN", help="a run folder, a recipe's name for its newest run, or a folder of runs")
    add("--out", default="", metavar="PATH", help="the HTML file (default: report.html in the run's folder, or here)")
    add("--wandb", action="store_true", help="also makes a W&B Report, of runs that W&B has")
    return parser
