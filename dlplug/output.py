"""The lines that the program says beside its results: where they go."""

from __future__ import annotations

import io
import logging
import sys
from typing import Literal


def say_to(stream: Literal["stdout", "stderr"]) -> None:
    """To standard output, above a live progress line; or to the error's, where standard output is for a result."""
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):  # "≥" on a terminal without it must not end a run
            output.reconfigure(errors="backslashreplace")
    logger = logging.getLogger("dlplug")
    logger.handlers = [_Lines(stream)]
    logger.setLevel(logging.INFO)


class _Lines(logging.Handler):
    """Whatever sys.stdout is at the time: a live progress line, or a test, puts another in its place."""

    def __init__(self, stream: str) -> None:
        super().__init__()
        self.stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=getattr(sys, self.stream), flush=True)
