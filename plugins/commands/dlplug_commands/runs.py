"""`dlplug runs`: lists the runs below runs/ with their status, options and results."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dlplug import CommandParser, UserError, nearest, parsed_by
from dlplug.claims.targets import same_value
from dlplug.host.plugins import Host
from dlplug.options.layers import recipe_config
from dlplug.options.parsing import words_of
from dlplug.options.reading import normal
from dlplug.output import duration, print_result
from dlplug.recipes import claims
from dlplug.runs.folder import began
from dlplug.runs.reader import Brief, read_brief, runs_below

STATES = ("finished", "interrupted", "failed", "running", "killed")
SHOWN = 2  # metrics printed per run
WIDTH = 100  # characters per line


def runs_parser() -> CommandParser:
    parser = CommandParser("dlplug runs", description="Lists the runs below runs/, the newest last.")
    add = parser.add_argument
    add("places", nargs="*", metavar="PLACE", help="a recipe's name, a run folder, or a folder of runs (default: runs)")
    add("--status", choices=STATES, metavar="STATUS", help=f"only runs with this status: {', '.join(STATES)}")
    add("--where", action="append", default=[], metavar="OPTION=VALUE", help="only runs with this value of an option"
        " (data.game=pong); repeat it for further conditions")  # fmt: skip
    add("--metric", default="", metavar="NAME", help="print this metric and sort by it, the largest last")
    add("--json", action="store_true", help="print JSON, with every metric")
    return parser


@parsed_by(runs_parser)
def runs_command(flags: Any, host: Host) -> int:
    """Lists the runs below runs/: their status, options and results."""
    conditions = [condition(text) for text in flags.where]
    runs = [read_brief(folder) for place in flags.places or ["runs"] for folder in runs_at(place)]
    check_known(runs, [option for option, _ in conditions], flags.metric)
    runs = [run for run in runs if all(same_value(run.config.get(key), value) for key, value in conditions)]
    rows = [row(host, run) for run in sorted(runs, key=lambda run: (began(run.folder), run.folder))]
    rows = [run for run in rows if flags.status in (None, run["status"])]
    if flags.metric:
        rows.sort(key=lambda run: _order(run["metrics"].get(flags.metric)))
    return print_result(rows, flags.json, lambda: print_rows(rows, [flags.metric] if flags.metric else []))


def runs_at(place: str) -> list[Path]:
    """The run folders in a place. Raises UserError where nothing has that name; a missing runs/ is empty."""
    for folder in (Path(place), Path("runs") / place):
        if folder.is_dir():
            return runs_below(folder)
    if place == "runs":
        return []
    recipes = [path.name for path in Path("runs").glob("*") if path.is_dir()]
    hint = nearest(place, recipes) or " `dlplug runs` lists all of them."
    raise UserError(f"{place} is neither a folder nor a recipe that has been run here.{hint}")


def condition(text: str) -> tuple[str, str]:
    option, equals, value = text.removeprefix("--").partition("=")
    if not (option and equals):
        raise UserError(f"--where expects OPTION=VALUE such as data.game=pong, got {text!r}")
    return normal(option), value


def check_known(runs: Sequence[Brief], options: Sequence[str], metric: str) -> None:
    """Raises UserError for an option, or a metric, that none of the runs has."""
    for option in options if runs else ():
        known = dict.fromkeys(key for run in runs for key in run.config)
        if option not in known:
            raise UserError(f"--where {option}: no run here has this option.{nearest(option, known)}")
    measured = dict.fromkeys(name for run in runs for name in run.final)
    if metric and runs and metric not in measured:
        raise UserError(f"--metric {metric}: no run here has measured it.{nearest(metric, measured)}")


def row(host: Host, run: Brief) -> dict[str, Any]:
    """One run, as `--json` prints it."""
    config, result = run.config, run.result
    return {
        "folder": str(run.folder),
        "recipe": config["recipe"],
        "preset": config["preset"],
        "seed": config["seed"],
        "began": datetime.fromtimestamp(began(run.folder)).astimezone().isoformat(timespec="seconds"),
        "status": run.status,
        "message": result.get("message", ""),
        "steps": result.get("steps"),
        "seconds": result.get("seconds"),
        "device": result.get("device", ""),
        "options": changed(host, config),
        "metrics": run.final,
        "protocol": run.evaluation.get("protocol") or result.get("protocol", ""),
        "watched": watched(host, run),
        "notes": run.notes,
    }


def changed(host: Host, config: Mapping[str, Any]) -> dict[str, Any]:
    """The options that differ from the recipe's under its preset; {} where the recipe's plugin is not installed."""
    try:
        own = recipe_config(host, config["recipe"], {}, config["preset"])
    except UserError:
        return {}
    watching = {entry.name for entry in host.entries("observers")}
    settings = {key: value for key, value in config.items() if key != "seed" and key.partition(".")[0] not in watching}
    return {key: value for key, value in settings.items() if key not in own or not same_value(own[key], value)}


def watched(host: Host, run: Brief) -> list[str]:
    """A run's most important metrics: those of the recipe's targets, then those that the recipe watches."""
    try:
        recipe = host.recipe(run.config["recipe"])
    except UserError:
        return sorted(run.final)[:SHOWN]
    named = [*(target.metric for target in claims(recipe, run.config["preset"])), *recipe.watch, *sorted(run.final)]
    measured = [name for name in dict.fromkeys(named) if name in run.final]
    return sorted(measured, key=lambda name: name.startswith("train/"))[:SHOWN]  # held out first


def print_rows(rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> None:
    """A few lines for each run; the first is the folder alone, so that it can be copied."""
    for run in rows:
        steps = [] if run["steps"] is None else [f"{run['steps']:,} steps in {duration(run['seconds'] or 0.0)}"]
        status = ", ".join([run["status"], *steps, f"begun {run['began'][:16].replace('T', ' ')}"])
        preset = {"preset": run["preset"]} if run["preset"] else {}
        settings = " ".join(words_of({**preset, "seed": run["seed"], **run["options"]}))
        names = [name for name in metrics or run["watched"] if name in run["metrics"]]
        values = ", ".join(f"{name} {run['metrics'][name]:.4g}" for name in names)
        details = filter(None, (status, settings, values, run["message"]))
        lines = [textwrap.fill(line, WIDTH, break_on_hyphens=False, break_long_words=False) for line in details]
        print(run["folder"], textwrap.indent("\n".join(lines), "    "), "", sep="\n")
    if not rows:
        print("no runs")


def _order(value: float | None) -> tuple[bool, float]:
    """A sort key: runs without a finite value come first."""
    finite = value is not None and math.isfinite(value)
    return finite, value if finite and value is not None else 0.0
