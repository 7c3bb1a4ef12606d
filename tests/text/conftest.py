"""A small text, and one thread."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

VERSE = "the cat sat on the mat,\nand the rat ran from the cat.\n"


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def verses(tmp_path: Path) -> Path:
    """A file of 5,400 characters."""
    path = tmp_path / "verses.txt"
    path.write_text(VERSE * 100, encoding="utf-8")
    return path
