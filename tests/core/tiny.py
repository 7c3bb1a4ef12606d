"""What tests of small nets share: one thread, and tiny pictures in the files of MNIST."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def write_idx(path: Path, values: np.ndarray) -> None:
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


def write_bars(raw: Path) -> Path:
    """300 + 60 images in MNIST's four files, unpacked, in the new folder `raw`."""
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, count in (("train", 300), ("t10k", 60)):
        labels = np.arange(count) % 10
        images = random.integers(0, 60, (count, 28, 28))
        for n, label in enumerate(labels):  # a bright bar whose height tells the class
            images[n, 2 * label + 2 : 2 * label + 6, 6:22] = 200
        write_idx(raw / f"{part}-images-idx3-ubyte", images)
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels)
    return raw


@pytest.fixture
def tiny_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The four files below $DLPLUG_DATA; gives the folder `raw`."""
    raw = write_bars(tmp_path / "sets" / "MNIST" / "raw")
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path / "sets"))
    return raw
