"""What a command prints: its result, for people or as JSON, log lines, and commands for the user to copy."""

from __future__ import annotations

import io
import json
import logging
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from dlplug.json_values import strict

if TYPE_CHECKING:
    from dlplug.host.plugins import Host


def say_to(stream: Literal["stdout", "stderr"]) -> None:
    """Prints log lines on standard output or, where that is for the result, on standard error."""
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):  # a terminal that cannot encode "≥" must not end a run
            output.reconfigure(errors="backslashreplace")
    logger = logging.getLogger("dlplug")
    logger.handlers = [_Lines(stream)]
    logger.setLevel(logging.INFO)


class _Lines(logging.Handler):
    """Prints to the present sys.stdout or sys.stderr, which a live progress line or a test may have replaced."""

    def __init__(self, stream: str) -> None:
        super().__init__()
        self.stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=getattr(sys, self.stream), flush=True)


def print_result(value: Any, as_json: bool, print_for_people: Callable[[], None]) -> int:
    """Prints a result and returns the exit code 0."""
    if as_json:
        print(json.dumps(strict(value), indent=2, ensure_ascii=False))
    else:
        print_for_people()
    return 0


def print_values(values: Mapping[str, Any], stream: TextIO) -> None:
    for key, value in values.items():
        print(f"{key}: {f'{value:.6g}' if isinstance(value, float) else value}", file=stream)


def warn_of_problems(host: Host) -> None:
    """Prints a line for each broken plugin: the command works without it."""
    for problem in host.problems():
        print(f"dlplug: {problem}", file=sys.stderr)


def duration(seconds: float) -> str:
    """52 s, 3 min 20 s, 2 h 05 min, 3 d 4 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.3g} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def command(*words: object) -> str:
    """`command("resume", folder)`: "uv run dlplug resume runs/…" where `uv run` started this process, "python -m dlplug
    resume runs/…" where Python's -m did, else "dlplug resume runs/…"."""
    return " ".join([_program(), *(shlex.quote(str(word)) for word in words)])


def tool(name: str) -> str:
    """Another program of the same environment: "uv run wandb" where `uv run` started this process, else "wandb"."""
    return f"uv run {name}" if "UV_RUN_RECURSION_DEPTH" in os.environ else name


def called() -> list[str]:
    """The command line, for a run's record; for a program other than dlplug its name alone, as its arguments may hold
    secrets."""
    program = Path(sys.argv[0])
    return ["dlplug", *sys.argv[1:]] if _by_module() or program.stem == "dlplug" else [program.name]


def _by_module() -> bool:
    return Path(sys.argv[0]).parts[-2:] == ("dlplug", "__main__.py")


def _program() -> str:
    return "python -m dlplug" if _by_module() and tool("dlplug") == "dlplug" else tool("dlplug")
