"""The results of a sweep: a line for each configuration over its seeds, the best first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dlplug.options.parsing import words_of
from dlplug.output import command
from dlplug_report.sweep.goal import Goal, measured
from dlplug_report.sweep.plan import Job, Sweep
from dlplug_report.sweep.runs import Outcome, result_of

MOST_COLUMNS = 3  # metrics in a table without a goal


def rows(jobs: Sequence[Job], goal: Goal | None) -> list[dict[str, Any]]:
    """One row per configuration: `options`, `seeds`, the goal's `mean` and `values` (None where it was not measured;
    NaN, also for the mean, where a run diverged), `metrics` (the means of all metrics), the number of `finished` runs,
    the total `seconds`, and `folders`. The best first, then those that diverged or have no value."""
    together: dict[str, list[Job]] = {}
    for job in jobs:
        same = together.setdefault(str(job.tried), [])
        same += [job] if job not in same else []
    table_rows = [_row(same, goal) for same in together.values()]
    sign = -1.0 if goal is not None and goal.maximise else 1.0
    return sorted(table_rows, key=lambda row: sign * row["mean"] if _finite(row["mean"]) else math.inf)


def _row(jobs: Sequence[Job], goal: Goal | None) -> dict[str, Any]:
    results = [result_of(job.folder) for job in jobs]
    values = [goal.value(result) if goal is not None else None for result in results]
    names = dict.fromkeys(name for result in results for name in measured(result))
    return {
        "options": jobs[0].tried,
        "seeds": [job.seed for job in jobs],
        "mean": _mean(values),
        "values": values,
        "metrics": {name: _mean([Goal(name, True).value(result) for result in results]) for name in names},
        "finished": sum(result.get("status") == "finished" for result in results),
        "seconds": round(sum(float(result.get("seconds") or 0.0) for result in results), 1),
        "folders": [str(job.folder) for job in jobs],
    }


def table(sweep: Sweep, table_rows: Sequence[Mapping[str, Any]]) -> str:
    """Aligned columns, and the command of the best run; a few of the metrics where there is no goal."""
    metrics = [sweep.goal.metric] if sweep.goal is not None else _telling(sweep, table_rows)
    cells = [(*sweep.tried, *metrics, *(["± seeds"] if sweep.goal else []), "finished", "seconds")]
    for row in table_rows:
        numbers = [row["mean"], _deviation(row)] if sweep.goal else [row["metrics"].get(name) for name in metrics]
        counts = (f"{row['finished']} of {len(row['seeds'])}", f"{row['seconds']:g}")
        cells.append((*map(_number, (row["options"][key] for key in sweep.tried)), *map(_number, numbers), *counts))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(str.rjust, row, widths)).rstrip() for row in cells]
    if sweep.goal is None:
        lines.append(f"{sweep.recipe} states no target to sort by: --maximize or --minimize METRIC names one")
    elif table_rows and _finite(table_rows[0]["mean"]):
        words = [
            *sweep.plugins,
            "run",
            sweep.recipe,
            *sweep.common,
            *words_of({**sweep.fixed, **table_rows[0]["options"]}),
        ]
        lines.append(f"the best: {command(*words)}")
    return "\n".join(lines)


def _telling(sweep: Sweep, table_rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Up to three measured metrics: first those that the recipe watches, then those of held-out splits."""
    measured = list(dict.fromkeys(name for row in table_rows for name in row["metrics"]))
    ranked = sorted(measured, key=lambda name: (name not in sweep.watch, name.startswith("train/")))
    return ranked[:MOST_COLUMNS]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _deviation(row: Mapping[str, Any]) -> float | None:
    known = [value for value in row["values"] if value is not None]
    if len(known) < 2:
        return None
    return math.sqrt(sum((value - row["mean"]) ** 2 for value in known) / len(known))


def line(outcome: Outcome, goal: Goal | None) -> str:
    """The line that is printed when a run ends."""
    named = ", ".join(
        f"{key} {_number(value)}" for key, value in {**outcome.job.tried, "seed": outcome.job.seed}.items()
    )
    value = goal.value(outcome.result) if goal is not None else None
    score = f", {goal.metric} {value:.4g}" if goal is not None and value is not None else ""
    word = {"skipped": "finished before", "left": "not begun"}.get(outcome.status, outcome.status)
    return f"{named}: {word}{score}{f': {outcome.message}' if outcome.message else ''}"


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
