"""What a sweep came to: a line for each configuration, its seeds together, the best first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dlplug.advice import command
from dlplug_report.sweep_goal import Goal
from dlplug_report.sweep_plan import Job, Sweep, flags
from dlplug_report.sweep_runs import Outcome, result_of


def rows(jobs: Sequence[Job], goal: Goal | None) -> list[dict[str, Any]]:
    """One for each configuration: `options`, `seeds`, of the goal `mean` and `values` (None where a run has none), how
    many have `finished`, `seconds` of all together, and `folders`. Without a goal they stay in their order."""
    together: dict[str, list[Job]] = {}
    for job in jobs:
        same = together.setdefault(str(job.tried), [])
        same += [job] if job not in same else []
    told = [_row(same, goal) for same in together.values()]
    sign = -1.0 if goal is not None and goal.maximise else 1.0
    return sorted(told, key=lambda row: math.inf if row["mean"] is None else sign * row["mean"])


def _row(jobs: Sequence[Job], goal: Goal | None) -> dict[str, Any]:
    results = [result_of(job.folder) for job in jobs]
    values = [goal.value(result) if goal is not None else None for result in results]
    known = [value for value in values if value is not None]
    return {
        "options": jobs[0].tried,
        "seeds": [job.seed for job in jobs],
        "mean": sum(known) / len(known) if known else None,
        "values": values,
        "finished": sum(result.get("status") == "finished" for result in results),
        "seconds": round(sum(result.get("seconds", 0.0) for result in results), 1),
        "folders": [str(job.folder) for job in jobs],
    }


def table(sweep: Sweep, told: Sequence[Mapping[str, Any]]) -> str:
    """Rows in aligned columns, and the command of the best."""
    metric = sweep.goal.metric if sweep.goal is not None else "no goal"
    cells = [(*sweep.tried, metric, "± seeds", "finished", "seconds")]
    for row in told:
        known = [value for value in row["values"] if value is not None]
        deviation = (
            math.sqrt(sum((value - row["mean"]) ** 2 for value in known) / len(known)) if len(known) > 1 else None
        )
        numbers = (_number(row["mean"]), _number(deviation), f"{row['finished']} of {len(row['seeds'])}")
        cells.append((*(_number(row["options"][key]) for key in sweep.tried), *numbers, f"{row['seconds']:g}"))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(str.rjust, row, widths)).rstrip() for row in cells]
    if told and told[0]["mean"] is not None:
        words = [*sweep.plugins, "run", sweep.recipe, *sweep.given, *flags({**sweep.fixed, **told[0]["options"]})]
        lines.append(f"the best: {command(*words)}")
    return "\n".join(lines)


def line(outcome: Outcome, goal: Goal | None) -> str:
    """What is said of a run as it ends."""
    named = ", ".join(
        f"{key} {_number(value)}" for key, value in {**outcome.job.tried, "seed": outcome.job.seed}.items()
    )
    value = goal.value(outcome.result) if goal is not None else None
    told = f", {goal.metric} {value:.4g}" if goal is not None and value is not None else ""
    word = {"skipped": "finished before", "left": "not begun"}.get(outcome.status, outcome.status)
    return f"{named}: {word}{told}{f': {outcome.said}' if outcome.said else ''}"


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
