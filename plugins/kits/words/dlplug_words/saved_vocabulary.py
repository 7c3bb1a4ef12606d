"""What a run folder keeps of its text, so that a trained run can be used without it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from dlplug import Run, UserError
from dlplug.distributed import rank

Parts = TypeVar("Parts")


def vocabulary_file(run: Run | None) -> Path | None:
    """Where a run keeps its vocabulary; None for data that belong to no run folder."""
    return run.folder / "vocabulary.json" if run is not None and (run.folder / "config.yaml").is_file() else None


def saved_vocabulary(run: Run | None) -> Mapping[str, Any] | None:
    """What `save_vocabulary` wrote; None for a run that is new. Raises UserError where the file is damaged."""
    path = vocabulary_file(run)
    if path is None or not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}") from None


def save_vocabulary(state: Mapping[str, Any], run: Run | None) -> None:
    path = vocabulary_file(run)
    if path is not None and rank() == 0:
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")
        partial.replace(path)


def read_or_miss(read: Callable[[], Parts], may_miss: bool) -> tuple[Parts | None, UserError | None]:
    """The text; or, for a run that has its vocabulary, the error that is to be raised when the text is asked for."""
    try:
        return read(), None
    except UserError as error:
        if not may_miss:
            raise
        return None, error
