"""What holds for every test: one thread, no deadline, and nothing that an earlier test switched in this process."""

from __future__ import annotations

import logging
import os
import sys

import hypothesis
import pytest

# Small models are quickest on one thread, and there is a worker for each core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Or `uv run pytest` would be in every command that is advised.
os.environ.pop("UV_RUN_RECURSION_DEPTH", None)

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("dlplug", deadline=None)
hypothesis.settings.load_profile("dlplug")


@pytest.fixture(autouse=True)
def as_a_process_begins() -> None:
    """A run switches denormal numbers off, which hypothesis needs, and the command shows the log's lines."""
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)
    logging.getLogger("dlplug").handlers = []
