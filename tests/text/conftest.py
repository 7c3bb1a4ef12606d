"""A small text, and one thread."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import one_thread as one_thread

VERSE = "the cat sat on the mat,\nand the rat ran from the cat.\n"


@pytest.fixture
def verses(tmp_path: Path) -> Path:
    """A file of 5,400 characters."""
    path = tmp_path / "verses.txt"
    path.write_text(VERSE * 100, encoding="utf-8")
    return path
