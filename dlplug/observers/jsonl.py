"""metrics.jsonl: one JSON object per line for each time that the run logs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dlplug.host.hookspecs import hookimpl
from dlplug.media import Media
from dlplug.runs.records import write_text

if TYPE_CHECKING:
    from dlplug.runs.run import Run


class JsonLines:
    """metrics.jsonl: one JSON object per line, flushed, so that it can be read during the run."""

    def __init__(self) -> None:
        self.file: TextIO | None = None

    @hookimpl
    def run_started(self, run: Run) -> None:
        path = run.folder / "metrics.jsonl"
        if run.resumed and path.exists():
            _cut(path, run.step)
        self.file = path.open("a", encoding="utf-8")

    @hookimpl
    def logged(self, run: Run, step: int, values: Mapping[str, Any]) -> None:
        assert self.file is not None
        line = {"step": step} | {key: _plain(run, value) for key, value in values.items()}
        self.file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.file.flush()

    @hookimpl
    def run_finished(self, run: Run, result: Mapping[str, Any]) -> None:
        if self.file is not None:
            self.file.close()


def _cut(path: Path, step: int) -> None:
    """Drops the lines after the checkpoint's step, and an incomplete last line."""
    lines = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        try:
            if json.loads(line)["step"] > step:
                break
        except (ValueError, KeyError):
            break
        lines.append(line + "\n")
    write_text(path, "".join(lines))


def _plain(run: Run, value: Any) -> Any:
    """Media as their path in the run folder; numbers that are not finite as null."""
    if isinstance(value, Media):
        return str(value.path.relative_to(run.folder))
    return value if isinstance(value, int) or math.isfinite(value) else None
