"""The files that a run leaves beside its checkpoints: strict JSON and YAML, each written whole or not at all."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlplug.runs import Run

EVALUATION = "evaluation.json"


def write_config(run: Run) -> None:
    """config.yaml and environment.json: enough to reproduce the run. A resume adds where and how it went on."""
    import yaml

    from dlplug.environment import environment
    from dlplug.options import PLUGIN_FILES

    path = run.folder / "environment.json"
    here = {"date": datetime.now().astimezone().isoformat(timespec="milliseconds")} | environment(run.host)
    if run.resumed:
        first = read_json(path)
        here = first | {"resumes": [*first.get("resumes", ()), {"step": run.step, "options": run.overlay, **here}]}
    write_json(path, here)
    files = {PLUGIN_FILES: run.host.files()} if run.host.files() else {}
    saved = yaml.safe_dump(plain(run.config) | files, sort_keys=False, allow_unicode=True)
    write_text(run.folder / "config.yaml", saved)


def write_evaluation(run: Run, given: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """evaluation.json: what was measured of a trained run, and by which options other than the recipe's own."""
    numbers = {name: float(value) for name, value in values.items() if isinstance(value, (int, float))}
    write_json(
        run.folder / EVALUATION,
        {"metrics": numbers, "protocol": run.protocol, "step": run.step, "options": given},
    )


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """As a file keeps them."""
    return {k: list(v) if isinstance(v, tuple) else str(v) if isinstance(v, Path) else v for k, v in options.items()}


def number(value: Any) -> int | float:
    """A Python number of a number, a NumPy scalar or a tensor of one element; of a float32 its shortest digits, 0.968
    rather than 0.9679999947547913. Raises TypeError for anything else."""
    narrow = str(getattr(value, "dtype", "")).removeprefix("torch.") in ("float32", "float16", "bfloat16")
    if hasattr(value, "item"):
        try:
            value = value.item()
        except (RuntimeError, ValueError):
            raise TypeError(f"expected one number, got {tuple(value.shape)} of them") from None
    if not isinstance(value, (int, float)):
        raise TypeError(f"expected a number, got a {type(value).__name__}")
    return shortest(value) if narrow else value


def shortest(value: float) -> float:
    """The number of the fewest digits that is the same float32."""
    import numpy as np

    return float(str(np.float32(value)))


def strict(value: Any) -> Any:
    """What JSON can say of a value: null for a number that is not finite, lists for tuples, text for paths."""
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Path):
        return str(value)
    value = number(value)
    return value if math.isfinite(value) else None


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
