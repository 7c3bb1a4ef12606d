"""Commands that a user may copy, spelled as this program was started."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path


def command(*words: object) -> str:
    """`command("resume", folder)`: "uv run dlplug resume runs/…" where `uv run` started this process, "python -m dlplug
    resume runs/…" where Python's -m did, else "dlplug resume runs/…"."""
    return " ".join([_program(), *(shlex.quote(str(word)) for word in words)])


def _program() -> str:
    if "UV_RUN_RECURSION_DEPTH" in os.environ:
        return "uv run dlplug"
    return "python -m dlplug" if Path(sys.argv[0]).name == "__main__.py" else "dlplug"
