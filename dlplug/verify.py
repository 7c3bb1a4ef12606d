"""Trains a recipe with several seeds, evaluates by its target's protocol, compares, and records what came out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlplug.environment import commit, environment
from dlplug.errors import UserError
from dlplug.plugins import Host
from dlplug.recipes import Target
from dlplug.runner import chosen_preset, evaluate, run
from dlplug.runs import Run, write_json


def verify(
    host: Host, recipe: str, options: Mapping[str, Any], *, seeds: int = 1, preset: str = "", folder: Path | None = None
) -> dict[str, Any]:
    """Every seed is trained and reported; a target is reached when the mean over the seeds reaches it.

    The record goes into results/<recipe>.json beside the plugin where its source is at hand, else below here.
    """
    preset = preset or chosen_preset(host, recipe, [options])
    definition = host.recipe(recipe)
    targets = list((definition.presets[preset].targets if preset else ()) or definition.targets)
    if not targets:
        raise UserError(f"recipe {recipe} states no target{f' for the preset {preset}' if preset else ''} to verify")
    runs: list[dict[str, Any]] = []
    first = int(options.get("seed", 0))
    for seed in range(first, first + seeds):
        trained = run(recipe, {**options, "seed": seed}, preset=preset, host=host)
        if trained.stopping:
            raise UserError(
                f"interrupted at seed {seed}: nothing was recorded; go on with dlplug resume {trained.folder}"
            )
        runs.append(_outcome(trained, evaluate(str(trained.folder), host=host)))
    record = {
        "recipe": recipe,
        "preset": preset,
        "targets": [_compared(target, runs) for target in targets],
        "reached": all(_compared(target, runs)["reached"] for target in targets),
        "runs": runs,
        "options": dict(options),
        "command": " ".join(["dlplug", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit(),
        "environment": {k: v for k, v in environment(host).items() if k not in ("command", "commit")},
    }
    _store(folder or results_folder(host, recipe), recipe, preset, record)
    return record


def results_folder(host: Host, recipe: str) -> Path:
    """results/ beside the plugin's pyproject.toml, or below the current folder for a plugin without its source."""
    module = host.get("recipes", recipe).plugin.module
    origin = getattr(module, "__file__", None)
    for parent in Path(origin).resolve().parents if origin else ():
        if (parent / "pyproject.toml").is_file():
            return parent / "results"
    return Path("results")


def print_record(record: Mapping[str, Any]) -> None:
    for target in record["targets"]:
        values = ", ".join(f"{value:.4g}" for value in target["values"])
        state = "reached" if target["reached"] else "not reached"
        print(f"{target['target']}: mean {target['mean']:.4g} of {values}: {state}")


def _outcome(trained: Run, measured: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("steps", "seconds", "steps_per_second", trained.unit, f"{trained.unit}_per_second")
    numbers = {name: value for name, value in measured.items() if isinstance(value, (int, float))}
    counts = {key: trained.result[key] for key in keys if key in trained.result}
    return {"seed": trained.seed, "metrics": trained.latest | numbers} | counts


def _compared(target: Target, runs: list[dict[str, Any]]) -> dict[str, Any]:
    values = [outcome["metrics"].get(target.metric) for outcome in runs]
    if None in values:
        raise UserError(f"the target's metric {target.metric} was not measured; there are {list(runs[0]['metrics'])}")
    mean = sum(values) / len(values)
    return {
        "target": str(target),
        "metric": target.metric,
        "protocol": target.protocol,
        "source": target.source,
        "values": values,
        "mean": mean,
        "reached": target.reached(mean),
    }


def _store(folder: Path, recipe: str, preset: str, record: dict[str, Any]) -> None:
    """One file a recipe, one entry a preset."""
    path = folder / f"{recipe}.json"
    folder.mkdir(parents=True, exist_ok=True)
    entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    write_json(path, entries | {preset or "default": record})
    print(f"recorded in {path}")
