"""`dlplug runs`: what lies below runs/, how it stands, and what it measured."""

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
from dlplug.options.layers import usual
from dlplug.options.parsing import words_of
from dlplug.options.reading import normal
from dlplug.output import print_result
from dlplug.recipes import claims
from dlplug.runs.folder import began
from dlplug.runs.reader import Brief, duration, read_brief, runs_below

STATES = ("finished", "interrupted", "failed", "running", "killed")
SHOWN = 2  # metrics of a run, for people
WIDTH = 100  # of a line


def parser() -> CommandParser:
    made = CommandParser("dlplug runs", description="The runs that lie here, the newest last.")
    add = made.add_argument
    add("places", nargs="*", metavar="PLACE", help="a recipe's name, a run folder, or a folder of runs (default: runs)")
    add("--status", choices=STATES, metavar="STATUS", help=f"only those that are {', '.join(STATES)}")
    add("--where", action="append", default=[], metavar="OPTION=VALUE", help="only those with this value of an option"
        " (data.game=pong); give it again for a further condition")  # fmt: skip
    add("--metric", default="", metavar="NAME", help="show this metric, and sort by it, the greatest last")
    add("--json", action="store_true", help="print JSON, with every metric")
    return made


@parsed_by(parser)
def runs_command(flags: Any, host: Host) -> int:
    """Lists the runs that lie here: how they stand, their options and results."""
    conditions = [condition(text) for text in flags.where]
    runs = [read_brief(folder) for place in flags.places or ["runs"] for folder in runs_at(place)]
    check_known(runs, [option for option, _ in conditions], flags.metric)
    runs = [run for run in runs if all(same_value(run.config.get(key), value) for key, value in conditions)]
    rows = [row(host, run) for run in sorted(runs, key=lambda run: (began(run.folder), run.folder))]
    rows = [found for found in rows if flags.status in (None, found["status"])]
    if flags.metric:
        rows.sort(key=lambda found: _order(found["metrics"].get(flags.metric)))
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
    """What is known of a run, as JSON has it."""
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
    """The options that are not as the recipe, under its preset, has them; {} where its plugin is not here."""
    try:
        own = usual(host, config["recipe"], {}, config["preset"])
    except UserError:
        return {}
    watching = {entry.name for entry in host.entries("observers")}
    settings = {key: value for key, value in config.items() if key != "seed" and key.partition(".")[0] not in watching}
    return {key: value for key, value in settings.items() if key not in own or not same_value(own[key], value)}


def watched(host: Host, run: Brief) -> list[str]:
    """The metrics that matter most of a run: those of the recipe's targets, and what it watches."""
    try:
        recipe = host.recipe(run.config["recipe"])
    except UserError:
        return sorted(run.final)[:SHOWN]
    named = [*(target.metric for target in claims(recipe, run.config["preset"])), *recipe.watch, *sorted(run.final)]
    there = [name for name in dict.fromkeys(named) if name in run.final]
    return sorted(there, key=lambda name: name.startswith("train/"))[:SHOWN]  # held out first


def print_rows(rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> None:
    """A few lines for each, the folder first, so that it can be copied."""
    for found in rows:
        steps = [] if found["steps"] is None else [f"{found['steps']:,} steps in {duration(found['seconds'] or 0.0)}"]
        standing = ", ".join([found["status"], *steps, f"begun {found['began'][:16].replace('T', ' ')}"])
        preset = {"preset": found["preset"]} if found["preset"] else {}
        settings = " ".join(words_of({**preset, "seed": found["seed"], **found["options"]}))
        shown = [name for name in metrics or found["watched"] if name in found["metrics"]]
        values = ", ".join(f"{name} {found['metrics'][name]:.4g}" for name in shown)
        wanted = filter(None, (standing, settings, values, found["message"]))
        lines = [textwrap.fill(line, WIDTH, break_on_hyphens=False, break_long_words=False) for line in wanted]
        print(found["folder"], textwrap.indent("\n".join(lines), "    "), "", sep="\n")
    if not rows:
        print("no runs")


def _order(value: float | None) -> tuple[bool, float]:
    """Those without a number first."""
    there = value is not None and math.isfinite(value)
    return there, value if there and value is not None else 0.0
