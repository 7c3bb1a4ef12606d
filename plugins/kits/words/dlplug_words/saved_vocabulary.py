"""The vocabulary in a run folder, so that a trained model can be used without its training text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from dlplug import Run, UserError
from dlplug.distributed import rank
from dlplug.runs.records import write_text

Parts = TypeVar("Parts")


def vocabulary_file(run: Run | None) -> Path | None:
    """The path of a run's vocabulary; None for data without a run folder."""
    return run.folder / "vocabulary.json" if run is not None and (run.folder / "config.yaml").is_file() else None


def saved_vocabulary(run: Run | None) -> Mapping[str, Any] | None:
    """The vocabulary that `save_vocabulary` wrote; None for a new run. Raises UserError if the file is damaged."""
    path = vocabulary_file(run)
    if path is None or not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}") from None


def save_vocabulary(state: Mapping[str, Any], run: Run | None) -> None:
    """Writes plain values to the run folder atomically; does nothing without a run folder."""
    path = vocabulary_file(run)
    if path is not None and rank() == 0:
        write_text(path, json.dumps(state, ensure_ascii=False))


def read_or_defer(read: Callable[[], Parts], optional: bool) -> tuple[Parts | None, UserError | None]:
    """The result of `read`; or, if it is optional and fails, the UserError to raise when it is needed."""
    try:
        return read(), None
    except UserError as error:
        if not optional:
            raise
        return None, error
