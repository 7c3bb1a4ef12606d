"""What holds for every test: one thread, no deadline, and nothing that an earlier test switched in this process."""

from __future__ import annotations

import logging
import os
import sys

import hypothesis
import pytest

# Small models are quickest on one thread, and there is a worker for each core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Some machines keep no bytecode: every process, and the tests start many, would then compile torch again for seconds.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Or `uv run pytest` would be in every command that is advised.
os.environ.pop("UV_RUN_RECURSION_DEPTH", None)

# The same examples in each run, so that a change is judged by what it changed; how long one takes depends on the
# machine. `--hypothesis-profile explore` looks for new ones.
hypothesis.settings.register_profile("dlplug", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("dlplug")


@pytest.fixture(autouse=True)
def as_a_process_begins() -> None:
    """A run switches denormal numbers off, which hypothesis needs, and the command shows the log's lines."""
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)
    logging.getLogger("dlplug").handlers = []
