"""What holds for every test: nothing that an earlier one switched in this process is left."""

from __future__ import annotations

import logging
import sys

import pytest


@pytest.fixture(autouse=True)
def as_a_process_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run switches denormal numbers off, which hypothesis needs, and the command shows the log's lines."""
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)
    logging.getLogger("dlplug").handlers = []
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)  # or `uv run pytest` would be in every advised command
