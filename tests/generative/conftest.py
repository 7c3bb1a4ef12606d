"""Tiny sets in the formats of the real ones, and one thread."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import one_thread as one_thread
from tiny import write_bars


@pytest.fixture
def tiny_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """300 + 60 images in the four files of MNIST and of Fashion-MNIST, unpacked, in the folder $DLPLUG_DATA."""
    root = tmp_path / "sets"
    for kind in ("MNIST", "FashionMNIST"):
        write_bars(root / kind / "raw")
    monkeypatch.setenv("DLPLUG_DATA", str(root))
    return root
