"""A sweep as a configuration for W&B agents, which start `dlplug run`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import yaml

from dlplug.errors import UserError
from dlplug.options.parsing import words_of
from dlplug.runs.records import write_text
from dlplug_report.sweep.plan import Sweep
from dlplug_report.sweep.values import Choices, Space

METHODS = {"grid": "grid", "random": "random", "tpe": "bayes"}  # W&B's own model-based search


def configuration(sweep: Sweep, method: str, trials: int | None = None) -> dict[str, Any]:
    """The configuration for `wandb sweep`. trials: None for no limit. Raises UserError for bayes without a goal."""
    if sweep.goal is None and method == "tpe":
        raise UserError(f"{sweep.recipe} states no target: choose a metric by --maximize or --minimize METRIC")
    seeds = {"seed": Choices(tuple(sweep.seeds))}
    goal = {} if sweep.goal is None else {"metric": _metric(sweep)}
    return {
        "name": sweep.recipe,
        "project": str(sweep.fixed.get("wandb.project") or os.environ.get("WANDB_PROJECT") or "dlplug"),
        "program": "dlplug",
        "method": METHODS[method],
        **goal,
        **({} if trials is None else {"run_cap": trials}),
        "parameters": {key.replace("_", "-"): _parameter(space) for key, space in {**sweep.tried, **seeds}.items()},
        # ${args} becomes --name=value for each parameter
        "command": [
            "${env}", "${program}", *sweep.plugins, "run", sweep.recipe, *sweep.common, *words_of(sweep.fixed),
            "${args}",
        ],
    }  # fmt: skip


def write(sweep: Sweep, method: str, trials: int | None, path: Path) -> int:
    text = yaml.safe_dump(configuration(sweep, method, trials), sort_keys=False, allow_unicode=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise UserError(f"--wandb-config {path}: cannot be written: {error.strerror}") from None
    print(
        f"written: {path}; `wandb sweep {shlex.quote(str(path))}` registers it on W&B and prints how to start an agent"
    )
    return 0


def _metric(sweep: Sweep) -> dict[str, str]:
    assert sweep.goal is not None
    return {"name": sweep.goal.metric, "goal": "maximize" if sweep.goal.maximise else "minimize"}


def _parameter(space: Space) -> dict[str, Any]:
    if isinstance(space, Choices):
        return {"values": [_plain(value) for value in space.values]}
    integral = isinstance(space.low, int) and isinstance(space.high, int)
    ends = {"min": space.low, "max": space.high}
    if space.log and integral:
        return {"distribution": "q_log_uniform_values", **ends, "q": 1}
    return {"distribution": "log_uniform_values" if space.log else "int_uniform" if integral else "uniform", **ends}


def _plain(value: Any) -> Any:
    """Numbers as numbers, so that W&B can draw them."""
    try:
        number = yaml.safe_load(value) if isinstance(value, str) else value
        number = float(number) if isinstance(value, str) and "e" in value.lower() else number
    except (ValueError, TypeError, yaml.YAMLError):
        return value
    return number if isinstance(number, (int, float)) and not isinstance(number, bool) else value
