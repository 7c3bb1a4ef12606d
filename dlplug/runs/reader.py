"""Reads run folders, whatever state they were left in: all that the program reads of a run, it reads here."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dlplug.errors import UserError
from dlplug.output import duration
from dlplug.runs.folder import find_run, read_config
from dlplug.runs.lock import in_use
from dlplug.runs.records import EVALUATION

if TYPE_CHECKING:
    from dlplug.runs.metrics_file import MediaFile, Series

Status = Literal["finished", "interrupted", "failed", "running", "killed"]
# seconds of silence after which a run without a result is taken for killed; more where its lines are rare
QUIET = 600.0
# what the values of a file must be for a report to use them
NUMBER = (int, float)
RESULT = {
    "status": str, "message": str, "metrics": dict, "steps": NUMBER, "seconds": NUMBER, "steps_per_second": NUMBER,
    "parameters": int,
}  # fmt: skip
EVALUATED = {"metrics": dict, "protocol": str, "options": dict}
ENVIRONMENT = {"command": list, "gpus": list, "libraries": dict, "plugins": dict}

log = logging.getLogger("dlplug")


@dataclass(frozen=True)
class Brief:
    """A run folder without what was logged, which may be long.

    config, environment, result: its files; result is {} while there is none. evaluation: what `dlplug eval` or
    `verify` measured last, or {}. final: the newest value of each metric, the evaluation's among them; NaN where it is
    not finite. notes: what was wrong with the folder. status: how the run stands.
    """

    folder: Path
    config: dict[str, Any]
    environment: dict[str, Any]
    result: dict[str, Any]
    evaluation: dict[str, Any]
    final: dict[str, float]
    notes: list[str]
    status: Status


@dataclass(frozen=True)
class SavedRun(Brief):
    """The contents of a run folder, with what was logged.

    last_words: what the run said last. unit: the data's own unit, or "". series: metric -> its column. media: images,
    videos and texts of training, and samples, in the order they were written.
    """

    last_words: str
    unit: str
    series: dict[str, Series]
    media: list[MediaFile]

    @property
    def recipe(self) -> str:
        return str(self.config["recipe"])

    @property
    def seed(self) -> int:
        return int(self.config["seed"])

    @property
    def steps(self) -> int:
        """Learnt, as far as it has said."""
        return max(_last_step(self.series), int(self.result.get("steps", 0)))

    @property
    def seconds(self) -> float:
        ends = [float(series.seconds[-1]) for series in self.series.values()]
        return max([end for end in ends if math.isfinite(end)] + [float(self.result.get("seconds", 0.0))])


def find_runs(names: list[str]) -> list[Path]:
    """The run folders that are meant: each a run folder, a recipe's name for its newest run, or a folder of runs.

    Raises UserError where there is none, and for a name that leads nowhere.
    """
    found = []
    for name in names:
        folder = Path(name)
        if folder.is_dir() and not (folder / "config.yaml").is_file():
            below = runs_below(folder)
            if not below:
                raise UserError(
                    f"{name} holds no run: expected a folder with a config.yaml, or a folder of such folders"
                )
            found += below
        else:
            found.append(find_run(name))
    return list(dict.fromkeys(folder.resolve() for folder in found))


def runs_below(folder: Path) -> list[Path]:
    """The run folders in a folder, at any depth, but none inside another (a kept model may have a config.yaml too).
    What has a config.yaml that is no run's is left out, and that is said."""
    runs: list[Path] = []
    damaged: list[Path] = []
    for path in sorted(folder.rglob("config.yaml"), key=lambda path: (len(path.parts), path)):
        if any(run in path.parents for run in runs):
            continue
        try:
            read_config(path.parent)
            runs.append(path.parent)
        except UserError as error:
            if not any(other in path.parents for other in damaged):
                log.warning(f"left out: {error}")
            damaged.append(path.parent)
    return runs


def read_brief(folder: Path) -> Brief:
    """Reads a run folder without what was logged. Raises UserError where there is no configuration; anything else that
    is missing or damaged becomes a note."""
    notes: list[str] = []
    config = read_config(folder)
    environment = _read_json(folder / "environment.json", notes, ENVIRONMENT)
    result = _read_json(folder / "result.json", notes, RESULT, expected=False)
    evaluation = _read_json(folder / EVALUATION, notes, EVALUATED, expected=False)
    final, status = _numbers(result) | _numbers(evaluation), _status(folder, result, _silent(folder, time.time()))
    return Brief(folder, config, environment, result, evaluation, final, notes, status)


def read_run(folder: Path, now: float | None = None) -> SavedRun:
    """Reads a run folder. now: in seconds since 1970, by which a silent run is judged (default: the clock). Raises as
    `read_brief` does."""
    from dlplug.runs.metrics_file import read_metrics  # NumPy

    brief, metrics = read_brief(folder), read_metrics(folder)
    result, evaluation, final = brief.result, brief.evaluation, brief.final
    steps = _last_step(metrics.series)
    if result and steps > int(result.get("steps", 0)):
        result, evaluation, final = {}, {}, {}  # it was resumed, and has gone on since
    silent = _silent(folder, time.time() if now is None else now)
    last_heard = f"last heard of {duration(silent)} ago, at step {steps:,}" if steps else "nothing was logged"
    return SavedRun(
        folder, brief.config, brief.environment, result, evaluation, metrics.final | final,
        brief.notes + metrics.notes, _status(folder, result, silent, max(QUIET, 3 * metrics.longest_pause)),
        str(result.get("message", "")) if result else last_heard,
        metrics.unit, metrics.series, metrics.media + _samples(folder),
    )  # fmt: skip


def _status(folder: Path, result: dict[str, Any], silent: float, patience: float = QUIET) -> Status:
    """silent: for how many seconds nothing was written; patience: for how many that may be."""
    if in_use(folder):
        return "running"
    if result:
        return result["status"] if result.get("status") in ("finished", "interrupted", "failed") else "finished"
    return "running" if silent < patience else "killed"  # it may be another machine's, which is written to


def _last_step(series: Mapping[str, Series]) -> int:
    return max((int(column.step[-1]) for column in series.values()), default=0)


def _silent(folder: Path, now: float) -> float:
    """Seconds since something was written in a run folder."""
    paths = (folder / "config.yaml", folder / "metrics.jsonl")
    return max(0.0, now - max(path.stat().st_mtime for path in paths if path.exists()))


def _samples(folder: Path) -> list[MediaFile]:
    """What `dlplug sample` wrote, oldest first."""
    from dlplug.runs.metrics_file import KINDS, MediaFile

    paths = [path for path in folder.glob("samples/*/*") if path.suffix.lower() in KINDS and path.parent.name.isdigit()]
    return [
        MediaFile(f"sample/{path.stem}", int(path.parent.name), KINDS[path.suffix.lower()], path, sampled=True)
        for path in sorted(paths, key=lambda path: (path.stem, int(path.parent.name)))
    ]


def _numbers(result: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a file; NaN for one that was not finite, which older files have as NaN and newer ones as null."""
    values = {name: math.nan if value is None else value for name, value in result.get("metrics", {}).items()}
    return {name: float(value) for name, value in values.items() if isinstance(value, NUMBER)}


def _read_json(path: Path, notes: list[str], kinds: Mapping[str, Any], *, expected: bool = True) -> dict[str, Any]:
    """A file's object, without the values that are not of the kind that is expected under their names."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if expected:
            notes.append(f"{path.name} is missing")
        return {}
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        notes.append(f"{path.name} is damaged and was left out")
        return {}
    wrong = [name for name, kind in kinds.items() if name in content and not _is(content[name], kind)]
    notes += [f"{path.name}: {name} is damaged and was left out" for name in wrong if content[name] is not None]
    return {name: value for name, value in content.items() if name not in wrong}


def _is(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not (isinstance(value, float) and not math.isfinite(value))
