"""Generated spectra and sets of the UCR archive: what is drawn, how it is split, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from dlplug_series.ts_format import SeriesSet, write_ts
from dlplug_signals.spectra.gliadin.data import Gliadin, split_by_sample
from dlplug_signals.spectra.gliadin.generator import POINTS, Bands, Disturbances, drawn, generate, smooth, varieties_of
from dlplug_signals.spectra.series import Examples, Training, Validation, hold_out
from dlplug_signals.spectra.ucr import UCR, TsFiles
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dlplug import UserError, data_folder, testing

FEW = Disturbances(samples=150)


@pytest.fixture(scope="module")
def gliadin() -> Gliadin:
    return Gliadin(disturbances=FEW, training=Training(batch_size=8, shift=3, gain=0.1, jitter=0.1), seed=0)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A training and a test file of two classes, twelve series each."""
    rng = np.random.default_rng(0)
    for part in ("TRAIN", "TEST"):
        y = np.arange(12) % 2
        series = tuple(rng.normal(size=(1, 20)) + 2 * label for label in y)
        (tmp_path / f"Own_{part}.ts").write_text(write_ts(SeriesSet("Own", series, y, ("no", "yes"))))
    return tmp_path


def test_spectra_are_a_function_of_the_seed():
    one, same, other = (generate(FEW, seed) for seed in (1, 1, 2))
    assert one.x.shape == (450, POINTS)
    np.testing.assert_array_equal(one.x, same.x)
    assert not np.array_equal(one.x, other.x)


def test_varieties_differ_in_their_bands():
    bands = varieties_of(np.random.default_rng(0))
    assert len({tuple(np.sort(position)) for position in bands.position}) == 30


def test_bands_are_gaussians():
    rng = np.random.default_rng(0)
    position, width, height = (
        rng.uniform(-50, POINTS + 50, (2, 9)),
        rng.uniform(7, 14, (2, 9)),
        rng.uniform(0, 2, (2, 9)),
    )
    x = drawn(Bands(position, width, height))
    points = np.arange(POINTS)
    for row in range(2):
        slow = sum(
            h * np.exp(-0.5 * ((points - p) / w) ** 2)
            for p, w, h in zip(position[row], width[row], height[row], strict=True)
        )
        np.testing.assert_allclose(x[row], slow, atol=9 * 2 * np.exp(-0.5 * 4**2) + 1e-5)


def test_smooth_functions_have_variance_1():
    values = smooth(np.linspace(0, POINTS, 7)[None], np.random.default_rng(0), 20_000)
    np.testing.assert_allclose(values.mean(0), 0, atol=0.03)
    np.testing.assert_allclose(values.std(0), 1, atol=0.02)


def test_no_sample_is_in_two_splits():
    spectra = generate(FEW, 0)
    numbered = spectra._replace(x=np.tile(spectra.sample[:, None].astype(np.float32), (1, 2)))
    parts = {name: {*examples.x[:, 0, 0].tolist()} for name, examples in split_by_sample(numbered).items()}
    assert {name: len(samples) for name, samples in parts.items()} == {"train": 90, "val": 30, "test": 30}
    assert len(set.union(*parts.values())) == 150


def test_scaling_is_that_of_the_training_spectra(gliadin: Gliadin):
    x = gliadin.parts["train"].x
    assert gliadin.spec.mean == pytest.approx((x.mean().item(),))
    assert gliadin.spec.deviation == pytest.approx((x.std(correction=0).item(),))
    assert [len(gliadin.split(name).y) for name in ("val", "test")] == [90, 90]


def test_batches_and_state(gliadin: Gliadin):
    testing.check_data(gliadin, nn.Linear(1, 1), 2)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.floats(0.05, 0.5), st.booleans(), st.integers(0, 1))
def test_a_part_of_each_class_is_held_out(labels: list[int], share: float, consecutive: bool, fold: int):
    y = torch.tensor(labels)
    examples = Examples(torch.arange(len(y)).float()[:, None, None], y)
    left, held = hold_out(examples, Validation(share, consecutive, fold))
    assert sorted([*left.x.flatten().tolist(), *held.x.flatten().tolist()]) == list(range(len(y)))
    parts = max(2, round(1 / share))
    for label in set(labels):
        count = labels.count(label)
        held_out = (held.y == label).sum().item()
        assert held_out in (0,) if count == 1 else held_out in (max(1, count // parts), count // parts + 1)
    if not consecutive and fold == 0:
        assert len(held.y) == sum(max(1, c // parts) for c in map(labels.count, set(labels)) if c > 1)


def test_folds_share_the_series_and_consecutive_ones_follow_each_other():
    examples = Examples(torch.arange(24).float()[:, None, None], torch.arange(24) // 12)
    for consecutive, last in ((False, [3, 7, 11, 15, 19, 23]), (True, [9, 10, 11, 21, 22, 23])):
        folds = [hold_out(examples, Validation(0.25, consecutive, fold))[1].x.flatten().tolist() for fold in range(4)]
        assert folds[0] == last
        assert sorted(value for fold in folds for value in fold) == list(range(24))
    with pytest.raises(UserError, match=r"--data\.fold must be below 4"):
        hold_out(examples, Validation(0.25, fold=4))


@pytest.mark.parametrize(("name", "train", "test"), [("Coffee", 28, 28), ("Beef", 30, 30)])
def test_ucr_sets_have_their_official_split(name, train, test):
    if not (data_folder() / "ucr_spectro").is_dir():
        pytest.skip(f"{data_folder()} has no ucr_spectro")
    data = UCR(set=name, seed=0)
    assert (len(data.parts["train"].y), len(data.split("test").y), data.splits[-1]) == (train, test, "test")
    held = UCR(set=name, validation=Validation(0.25), seed=0)
    assert held.splits == ("val", "test")
    assert len(held.parts["train"].y) + len(held.parts["val"].y) == train
    testing.check_data(held, nn.Linear(1, 1), 1)


def test_own_files_are_read_from_a_folder_or_from_one(files: Path):
    both = TsFiles(path=str(files), training=Training(batch_size=4), seed=0)
    assert {name: len(part.y) for name, part in both.parts.items()} == {"train": 10, "val": 2, "test": 12}
    alone = TsFiles(path=str(files / "Own_TRAIN.ts"), validation=Validation(), training=Training(batch_size=4), seed=0)
    assert {name: len(part.y) for name, part in alone.parts.items()} == {"train": 10, "test": 2}
    assert alone.names == ("no", "yes")


def test_gaps_and_unequal_lengths_are_refused_or_mended(files: Path):
    file = files / "Own_TEST.ts"
    first, rest = file.read_text().split("@data\n")
    head = first.replace("@missing false", "@missing true").replace("@equalLength true\n@seriesLength 20\n", "")
    row, others = rest.split("\n", 1)
    values, label = row.split(":")
    file.write_text(head + "@data\n" + ",".join(["?", *values.split(",")[1:]]) + f":{label}\n{others}")
    with pytest.raises(UserError, match=r"Own_TEST\.ts has missing values: --data.gaps interpolate"):
        TsFiles(path=str(files), seed=0)
    file.write_text(head + "@data\n" + ",".join(values.split(",")[1:]) + f":{label}\n{others}")
    with pytest.raises(UserError, match=r"Own_TEST\.ts has series of unequal lengths, up to 20: --data.lengths pad"):
        TsFiles(path=str(files), seed=0)
    data = TsFiles(path=str(files), lengths="pad", training=Training(batch_size=4), seed=0)
    padded = data.split("test").x[0, 0]
    assert padded[18] == padded[19]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: Gliadin(disturbances=Disturbances(samples=149), seed=0), "--data.samples must be at least 150"),
        (lambda folder: TsFiles(seed=0), "--data.path is empty"),
        (lambda folder: TsFiles(path=str(folder / "absent.ts"), seed=0), "absent.ts cannot be read"),
        (lambda folder: TsFiles(path=str(folder.parent), seed=0), r"has 0 files \*_TRAIN.ts and 0 files \*_TEST.ts"),
        (
            lambda folder: TsFiles(path=str(folder), training=Training(batch_size=13), seed=0),
            "--data.batch-size must be",
        ),
        (
            lambda folder: TsFiles(path=str(folder), training=Training(batch_size=4, shift=20), seed=0),
            "--data.shift must",
        ),
    ],
)
def test_errors_are_one_line(make, says: str, files: Path):
    with pytest.raises(UserError, match=says) as error:
        make(files)
    assert "\n" not in str(error.value)


def test_a_missing_archive_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"ucr_spectro\.tar\.gz is missing in .*--data gliadin needs no download"):
        UCR(seed=0)
