"""The files that a run leaves beside its checkpoints: strict JSON and YAML, each written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlplug.json_values import strict
from dlplug.options.reading import PLUGIN_FILES

if TYPE_CHECKING:
    from dlplug.runs.journal import Journal

EVALUATION = "evaluation.json"


def write_config(run: Journal) -> None:
    """config.yaml and environment.json: enough to reproduce the run. A resume adds where and how it went on."""
    import yaml

    from dlplug.runs.environment import environment

    path = run.folder / "environment.json"
    here = {"date": datetime.now().astimezone().isoformat(timespec="milliseconds")} | environment(run.host)
    if run.resumed:
        first = read_json(path)
        here = first | {"resumes": [*first.get("resumes", ()), {"step": run.step, "options": run.overlay, **here}]}
    write_json(path, here)
    files = {PLUGIN_FILES: run.host.files()} if run.host.files() else {}
    saved = yaml.safe_dump(plain(run.config) | files, sort_keys=False, allow_unicode=True)
    write_text(run.folder / "config.yaml", saved)


def write_evaluation(run: Journal, overlay: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """evaluation.json: what was measured of a trained run, and by which options other than the recipe's own."""
    numbers = {name: float(value) for name, value in values.items() if isinstance(value, (int, float))}
    write_json(
        run.folder / EVALUATION,
        {"metrics": numbers, "protocol": run.protocol, "step": run.step, "options": overlay},
    )


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """As a file keeps them."""
    return {k: list(v) if isinstance(v, tuple) else str(v) if isinstance(v, Path) else v for k, v in options.items()}


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(strict(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """By a temporary file that is flushed and renamed."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """A record as it was written; {} where it is missing or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
