"""The sections about one run, as rows (label, text), for HTML, Markdown and W&B."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dlplug.output import command, duration
from dlplug.recipes import Target
from dlplug.runs.reader import SavedRun
from dlplug_report.page.facts import command_words
from dlplug_report.page.groups import Estimate, Group, View, text

Rows = list[tuple[str, str]]


class Verdict(NamedTuple):
    """A target and its measured value. value: "" where it was not measured. reached: None where there is no verdict,
    for `reason`."""

    claim: str
    value: str
    reached: bool | None
    reason: str
    protocol: str
    measured: str
    source: str


class Course(NamedTuple):
    """A metric over training, in numbers."""

    name: str
    first: str
    lowest: str
    highest: str
    last: str


def standing(record: SavedRun) -> str:
    """The run's status, in a sentence."""
    status = {
        "finished": f"finished after {record.steps:,} steps",
        "interrupted": f"interrupted after {record.steps:,} steps; `{command('resume', record.folder)}` continues it",
        "failed": f"failed after {record.steps:,} steps",
        "running": "probably still running",
        "killed": "probably killed: it has no result, and logs nothing any more",
    }[record.status]
    return f"{status}: {record.last_words}" if record.last_words else status


def verdicts(view: View) -> list[Verdict]:
    """The recipe's claims about such a run, each with the value that `dlplug eval`, or else training, measured."""
    rows = []
    for target in filter(lambda target: target.stated, view.facts.targets):
        value = view.record.final.get(target.metric)
        missing = f"not measured: `{command('eval', view.record.folder)}` does"
        reason = missing if value is None else _not_judged(view, target)
        reached = None if value is None or reason else target.reached(value)
        claim = f"{target.metric} {'≥' if target.higher else '≤'} {target.bar:g}"
        measured = str(_measured(view.record, target).get("protocol", ""))
        rows.append(Verdict(claim, number(value), reached, reason, target.protocol, measured, target.source))
    return rows


def _not_judged(view: View, target: Target) -> str:
    """Why a value is not compared with a claim, or ""."""
    if not view.facts.comparable(target):
        options = _measured(view.record, target).get("options", {})
        return f"measured with {command_words(options)}" if options else "other data or metrics"
    return "" if view.record.status == "finished" else "not finished"


def _measured(record: SavedRun, target: Target) -> dict[str, Any]:
    """The content of the file that has the target's value: evaluation.json or result.json."""
    return record.evaluation if target.metric in record.evaluation.get("metrics", {}) else record.result


def parts(view: View) -> Rows:
    """Recipe, data, model, loss, optimizer, trainer, length, seed and metrics."""
    config, facts, result = view.record.config, view.facts, view.record.result
    parameters = f"{result['parameters']:,} parameters" if result.get("parameters") else ""
    units = (view.record.unit, "epochs", "steps")
    rows = [
        ("recipe", _joined(view.record.recipe, facts.summary)),
        ("source", facts.source),
        ("preset", str(config["preset"])),
        ("data", str(config.get("data", ""))),
        ("model", _joined(str(config.get("model", "")), parameters)),
        ("loss", str(config.get("loss", ""))),
        ("optimizer", _optimizers(config)),
        ("trainer", str(config.get("trainer", ""))),
        ("length", ", ".join(f"{config[unit]:,} {unit}" for unit in units if isinstance(config.get(unit), int))),
        ("seed", str(config["seed"])),
        ("metrics", text(config.get("metrics", ""))),
    ]
    return [row for row in rows if row[1]]


def pace(record: SavedRun) -> Rows:
    """Time and throughput; for a run without a result, from its logged metrics."""
    result, seconds = record.result, record.seconds
    rate = result.get("steps_per_second") or (record.steps / seconds if seconds else 0.0)
    rows = [
        ("training took", duration(seconds) if seconds else ""),
        ("steps", f"{record.steps:,}, {number(rate)} a second" if record.steps and rate else ""),
    ]
    if isinstance(result.get(record.unit), int):
        per_second = result.get(f"{record.unit}_per_second")
        rate = f", {number(per_second)} a second" if isinstance(per_second, (int, float)) else ""
        rows.append((record.unit, f"{result[record.unit]:,}{rate}"))
    return [row for row in rows if row[1]]


def machine(record: SavedRun) -> Rows:
    """Hardware, system, versions and commit."""
    environment, result = record.environment, record.result
    rows = [
        ("device", str(result.get("device", ""))),
        ("graphics processors", ", ".join(map(str, environment.get("gpus", [])))),
        ("processor", str(environment.get("processor", ""))),
        ("system", str(environment.get("platform", ""))),
        ("Python", str(environment.get("python", ""))),
        ("libraries", _named(environment.get("libraries"))),
        ("plugins", _named(environment.get("plugins"))),
        ("commit", str(environment.get("commit", ""))),
    ]
    return [row for row in rows if row[1]]


def courses(record: SavedRun) -> list[Course]:
    """Every metric; those without a curve have only their last value."""
    rows = []
    for name in sorted(record.final):
        value = record.series[name].value if name in record.series else np.empty(0)
        first, low, high = (value[0], value.min(), value.max()) if len(value) > 1 else (None, None, None)
        rows.append(Course(name, number(first), number(low), number(high), number(record.final[name])))
    return rows


def states(group: Group) -> list[tuple[str, int]]:
    """(status, number of the group's runs)."""
    return Counter(view.record.status for view in group.runs).most_common()


def steps(group: Group) -> str:
    return number(sum(view.record.steps for view in group.runs) / len(group.runs))


def time(group: Group) -> str:
    """The mean duration of the group's runs."""
    return duration(sum(view.record.seconds for view in group.runs) / len(group.runs))


def number(value: float | None) -> str:
    """Four significant digits, or all digits of a whole or large number."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return str(value)
    integral = value == round(value) or abs(value) >= 1000
    return f"{value:,.0f}" if integral and abs(value) < 1e15 else f"{value:.4g}"


def estimated(estimate: Estimate | None) -> str:
    """The middle value over seeds, with the ends of its band."""
    if estimate is None:
        return ""
    if estimate.seeds == 1 or math.isnan(estimate.middle):
        return number(estimate.middle)
    return f"{number(estimate.middle)} ({number(estimate.low)} to {number(estimate.high)})"


def _optimizers(config: Mapping[str, Any]) -> str:
    """The one of the whole model, or `part name` for each part of the loss that has its own."""
    if "optimizer" in config:
        return str(config["optimizer"])
    parts = {key.partition(".")[2]: name for key, name in config.items() if key.startswith("optimizer.")}
    return ", ".join(f"{part} {name}" for part, name in parts.items() if "." not in part)


def _joined(first: str, second: str) -> str:
    return f"{first}: {second}" if first and second else first


def _named(versions: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name} {version}" for name, version in (versions or {}).items())
