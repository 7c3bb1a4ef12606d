"""Tiny sets in the formats of the real ones, and one thread."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import one_thread as one_thread
from tiny import write_bars


@pytest.fixture
def tiny_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """300 + 60 images in MNIST's four files, unpacked, below $DLPLUG_DATA; gives the folder `raw`."""
    raw = write_bars(tmp_path / "sets" / "MNIST" / "raw")
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path / "sets"))
    return raw
