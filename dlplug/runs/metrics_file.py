"""metrics.jsonl in columns: one series for each metric, and the media that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Kind = Literal["picture", "video", "text", "file"]
KINDS: dict[str, Kind] = {
    ".png": "picture", ".jpg": "picture", ".jpeg": "picture", ".gif": "picture", ".webp": "picture",
    ".mp4": "video", ".webm": "video", ".txt": "text", ".md": "text",
}  # fmt: skip
AXES = ("step", "seconds")


class Series(NamedTuple):
    """One metric's column; every array is (points,). counted: the data's own unit, () where it counts none."""

    step: Floats
    seconds: Floats
    counted: Floats
    value: Floats


class MediaFile(NamedTuple):
    """path: where it lies. missing: "" or why it cannot be shown. sampled: `dlplug sample` wrote it, and `step` is the
    number of its folder."""

    name: str
    step: int
    kind: Kind
    path: Path
    missing: str = ""
    sampled: bool = False

    @property
    def moment(self) -> str:
        return f"{self.path.parent.parent.name}/{self.path.parent.name}" if self.sampled else f"step {self.step:,}"


class Metrics(NamedTuple):
    """final: the newest value of each metric. longest_pause: between two lines, in seconds."""

    unit: str
    series: dict[str, Series]
    final: dict[str, float]
    media: list[MediaFile]
    longest_pause: float
    notes: list[str]


def read_metrics(folder: Path) -> Metrics:
    """Reads a run's metrics.jsonl. A last line that was cut off is left out, as are damaged ones; the notes say so."""
    path = folder / "metrics.jsonl"
    if not path.exists():
        return Metrics("", {}, {}, [], 0.0, ["metrics.jsonl is missing: nothing was logged"])
    notes: list[str] = []
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return Metrics("", {}, {}, [], 0.0, [f"metrics.jsonl cannot be read: {error.strerror}"])
    rows = parse(text, notes)
    unit = next((key for row in rows[:1] for key in row if key not in AXES and "/" not in key), "")
    shapes: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        shapes.setdefault(tuple(row), []).append(row)
    series = _columns(shapes, unit, notes)
    final = {name: float(column.value[-1]) for name, column in series.items()}
    seconds = np.array([_number(row.get("seconds", 0.0)) for row in rows])
    seconds = seconds[np.isfinite(seconds)]
    pause = float(np.diff(seconds).max()) if len(seconds) > 1 else 0.0
    return Metrics(unit, series, final, _media(folder, shapes), pause, notes)


def parse(text: str, notes: list[str]) -> list[dict[str, Any]]:
    """The lines' objects. All at once where every line is whole, which is several times as fast as one by one."""
    lines = [line for line in text.split("\n") if line.strip()]
    if lines and not text.endswith("\n") and not _row(lines[-1]):
        notes.append("the last line of metrics.jsonl was cut off and is left out")
        lines.pop()
    try:
        rows = json.loads(f"[{','.join(lines)}]")
        if len(rows) == len(lines) and all(map(_is_row, rows)):
            return rows
    except ValueError:
        pass
    rows = [row for line in lines if (row := _row(line)) is not None]
    notes.append(f"{len(lines) - len(rows)} damaged lines of metrics.jsonl are left out")
    return rows


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if _is_row(row) else None


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("step"), int) and 0 <= row["step"] < 2**53


def _columns(shapes: dict[tuple[str, ...], list[dict[str, Any]]], unit: str, notes: list[str]) -> dict[str, Series]:
    """Each metric's column, from every kind of line that has it. What is no number there (a medium, a null for what was
    not finite) becomes NaN and is left out."""
    pieces: dict[str, list[Floats]] = {}
    for keys, rows in shapes.items():
        table = _table(rows)
        axis = {key: table[:, column] for column, key in enumerate(keys)}
        nothing = np.full(len(rows), np.nan)
        axes = [axis["step"], axis.get("seconds", nothing), axis.get(unit, nothing)]
        for key in keys:
            if key not in (*AXES, unit):
                pieces.setdefault(key, []).append(np.stack([*axes, axis[key]]))
    series = {}
    for key, parts in sorted(pieces.items()):
        columns = np.concatenate(parts, axis=1)
        if len(parts) > 1:
            columns = columns[:, np.argsort(columns[0], kind="stable")]
        finite = np.isfinite(columns[3])
        if not finite.any():
            continue
        if lost := int((~finite).sum()):
            notes.append(f"{lost} values of {key} were not finite and are left out")
        step, seconds, count, value = columns[:, finite]
        series[key] = Series(step, seconds, count if unit else np.empty(0), value)
    return series


def _table(rows: list[dict[str, Any]]) -> Floats:
    """(rows, keys). Numbers and nulls go the fast way; where there are paths of media, each value is looked at."""
    try:
        return np.array([list(row.values()) for row in rows], dtype=float)
    except (TypeError, ValueError, OverflowError):
        return np.array([list(map(_number, row.values())) for row in rows], dtype=float)


def _number(value: Any) -> float:
    try:
        return float(value) if isinstance(value, (int, float)) else np.nan
    except OverflowError:
        return np.nan


def _media(folder: Path, shapes: dict[tuple[str, ...], list[dict[str, Any]]]) -> list[MediaFile]:
    found = []
    for keys, rows in shapes.items():
        for key in keys:
            if key not in AXES:
                found += [_medium(folder, key, row) for row in rows if isinstance(row[key], str)]
    return sorted(found, key=lambda medium: (medium.name, medium.step))


def _medium(folder: Path, name: str, row: dict[str, Any]) -> MediaFile:
    """Only what lies inside the run folder is shown: a path in a file must not lead elsewhere."""
    path = folder / row[name]
    missing = ""
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            missing = "lies outside the run folder"
        elif not path.is_file():
            missing = "was deleted"
    except (OSError, ValueError):  # too long for a name, or with a null byte
        missing = "was never a file"
    return MediaFile(name, row["step"], KINDS.get(path.suffix.lower(), "file"), path, missing)
