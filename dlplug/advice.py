"""Commands in messages, for the user to copy: with the prefix with which this program was started."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path


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
