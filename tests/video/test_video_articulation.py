"""Words from sensors on tongue and lips."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from dlplug_series.ts_format import SeriesSet, write_ts
from dlplug_video.articulation.metric import nearest_neighbour, word_accuracy
from dlplug_video.articulation.network import ConvGRU
from dlplug_video.articulation.words import ARCHIVE, NAME, Articulation, HeldOutWords, last_of_each, resampled
from torch import nn

from dlplug import Spec, UserError, testing

TINY = {"data.batch_size": 6, "model.width": 4, "model.hidden": 4}


def spoken(rng: np.random.Generator, per_class: int) -> SeriesSet:
    """Sines of three frequencies, two channels of 20 points."""
    y = np.repeat(np.arange(3), per_class)
    time = np.linspace(0, 6, 20)
    series = tuple(np.sin((1 + c) * time + np.array([[0.0], [1.0]])) + 0.1 * rng.standard_normal((2, 20)) for c in y)
    return SeriesSet(NAME, series, y, ("1.0", "2.0", "3.0"))


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny set in the archive's layout."""
    rng = np.random.default_rng(0)
    path = tmp_path / ARCHIVE
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as files:
        for part, count in (("TRAIN", 4), ("TEST", 2)):
            text = write_ts(spoken(rng, count)).encode()
            entry = tarfile.TarInfo(f"uea_articulary/{NAME}_{part}.ts")
            entry.size = len(text)
            files.addfile(entry, io.BytesIO(text))
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    return path


def test_a_recipe_learns_and_resumes(archive: Path):
    testing.check_recipe("articulation", TINY)


def test_validation_is_the_last_of_each_class(archive: Path):
    data = Articulation(validation=1, batch_size=3, seed=0)
    assert [len(data.split(split).y) for split in ("train", "val", "test")] == [9, 3, 6]
    assert data.split("val").y.tolist() == [0, 1, 2]
    everything = torch.cat([data.parts["train"].x, data.parts["val"].x])
    assert len(everything.unique(dim=0)) == len(data.known.x) == 12
    # baselines know what they may: nothing held out for validation, and all training words for the test
    assert [len(data.split(split).known_y) for split in ("val", "test")] == [9, 12]
    assert last_of_each(torch.tensor([1, 0, 1, 0, 0]), 1).tolist() == [False, False, True, False, True]
    with pytest.raises(UserError, match=r"--data\.validation must be below the 4"):
        Articulation(validation=4, seed=0)


def test_series_are_read_later_and_faster():
    x = torch.arange(10.0).expand(3, 2, 10)
    shift, tempo = torch.tensor([[0.0], [2.5], [0.0]]), torch.tensor([[1.0], [1.0], [2.0]])
    plain, later, faster = resampled(x, shift, tempo)[:, 1]
    torch.testing.assert_close(plain, torch.arange(10.0))
    torch.testing.assert_close(later, torch.tensor([2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9, 9, 9]))
    torch.testing.assert_close(faster, (4.5 + 2 * (torch.arange(10.0) - 4.5)).clamp(0, 9))


def test_accuracy_beside_the_nearest_neighbour():
    x = torch.randn(20, 2, 5)
    y = torch.arange(20) % 3
    held = HeldOutWords(x[:8], y[:8], ("a", "b", "c"), x[8:], y[8:])
    slow = [int(y[8 + min(range(12), key=lambda m: float(((x[n] - x[8 + m]) ** 2).sum()))]) for n in range(8)]
    assert nearest_neighbour(held).tolist() == slow

    class First(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.tensor([1.0, 0, 0]))

        def forward(self, x):
            return self.weight.expand(len(x), 3)

    values = word_accuracy(First(), held)
    assert float(values["accuracy"]) == pytest.approx(3 / 8)


def test_bad_input_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UserError, match="takes series"):
        ConvGRU(Spec((1, 8, 8), 3))
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"uea_articulary\.tar\.gz is missing"):
        Articulation(seed=0)
