"""The `.ts` format: what is written is read back, and what breaks the format is refused in one line."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from dlplug_series.ts_format import SeriesSet, as_array, parse_ts, read_ts, read_ts_archive, write_ts
from hypothesis import given
from hypothesis import strategies as st

from dlplug import UserError

NUMBERS = st.floats(-1e30, 1e30) | st.just(np.nan)  # a missing value
NAMES = st.lists(st.text("abcXYZ019.-", min_size=1, max_size=5), min_size=1, max_size=4, unique=True)
REAL = Path(os.environ.get("DLPLUG_DATA", "/nowhere"))
HEADER = (
    "@problemName Two\n@missing false\n@univariate true\n@equalLength true\n@seriesLength 2\n@classLabel true a b\n"
)


@st.composite
def series_sets(draw: st.DrawFn) -> SeriesSet:
    classes = tuple(draw(NAMES))
    channels, count = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    lengths = draw(st.lists(st.integers(1, 4), min_size=count, max_size=count))
    series = tuple(np.array([[draw(NUMBERS) for _ in range(length)] for _ in range(channels)]) for length in lengths)
    y = np.array([draw(st.integers(0, len(classes) - 1)) for _ in range(count)])
    return SeriesSet("A set", series, y, classes)


@given(series_sets(), st.booleans())
def test_what_is_written_is_read_back(data: SeriesSet, labelled: bool) -> None:
    if not labelled:
        data = data._replace(y=data.y[:0], classes=())
    read = parse_ts(write_ts(data), "set.ts")
    assert (read.name, read.classes, read.y.tolist()) == (data.name, data.classes, data.y.tolist())
    for ours, theirs in zip(read.series, data.series, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(series_sets())
def test_gaps_are_filled_and_series_padded(data: SeriesSet) -> None:
    if any(np.isnan(one).all(1).any() for one in data.series):
        with pytest.raises(UserError, match="without any value"):
            as_array(data.series, "set", gaps="interpolate", lengths="pad")
        return
    filled = as_array(data.series, "set", gaps="interpolate", lengths="pad", length=3)
    longest = max(3, *(one.shape[1] for one in data.series))
    assert filled.shape == (len(data.series), len(data.series[0]), longest)
    for ours, theirs in zip(filled, data.series, strict=True):
        known = ~np.isnan(theirs)
        np.testing.assert_array_equal(ours[:, : theirs.shape[1]][known], theirs[known].astype(np.float32))
        assert (ours[:, theirs.shape[1] :] == ours[:, [theirs.shape[1] - 1]]).all()


def test_the_header_s_optional_lines_may_be_absent() -> None:
    read = parse_ts(
        "\ufeff# said of it\n\n@classLabel true 1.0 2.0\r\n@DATA\r\n1,2:3,?:2.0\r\n4:5:1.0\n".lstrip("\ufeff"), "a"
    )
    assert [one.shape for one in read.series] == [(2, 2), (2, 1)]
    assert read.y.tolist() == [1, 0]
    assert np.isnan(read.series[0][1, 1])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,2:a\n", "no line @data"),
        (HEADER + "1,2:a\n@data\n1,2:a\n", "line 7: values before"),
        (HEADER + "@data\n", "no series"),
        (HEADER + "@data\n1,2:a\n1,2:c\n", "line 9: 'c' is no class"),
        (HEADER + "@data\n1,2\n", "line 8: '1,2' is no class"),
        (HEADER + "@data\n1,2:a\n1,2,3:b\n", "line 9: 3 values per channel, expected 2"),
        (HEADER + "@data\n1,2:3,4:b\n", "line 8: 2 channels, expected 1"),
        (HEADER + "@data\n1,?:b\n", "line 8: a missing value"),
        (HEADER + "@data\n1,x:b\n", "line 8: a value is not a number"),
        (HEADER + "@data\n1,:b\n", "line 8: a value is not a number"),
        (HEADER + "@data\n1,inf:b\n", "infinite"),
        (HEADER + "@data\n1,1_0:b\n", "not a number"),
        (HEADER + "@timeStamps true\n@data\n(0,1),(1,2):b\n", "time stamps"),
        ("@targetLabel true\n@data\n1,2:0.5\n", "regression"),
        ("@missing perhaps\n@data\n1,2\n", "line 1: @missing must be true or false, got 'perhaps'"),
        ("@seriesLength many\n@data\n1,2\n", "line 1: @seriesLength must be a positive number"),
        ("@classLabel true a a\n@data\n1,2:a\n", "each class once"),
        ("@classLabel true\n@data\n1,2:a\n", "each class once"),
        ("@classLabel true a\n@data\n1,2:1:a\n", "channel 2 has 1 values, channel 1 has 2"),
        ("@classLabel true a\n@data\na\n", "without values"),
        ("@dimension 3\n@data\n1,2:1,2\n", "2 channels, expected 3"),
    ],
)
def test_errors_are_one_line(text: str, says: str) -> None:
    with pytest.raises(UserError) as error:
        parse_ts(text, "two.ts")
    assert says in str(error.value)
    assert "two.ts" in str(error.value)
    assert "\n" not in str(error.value)


def test_gaps_and_unequal_lengths_are_refused_by_number() -> None:
    gap, short = np.array([[1.0, np.nan]]), np.array([[1.0]])
    with pytest.raises(UserError, match="set: series 2 has 1 missing values"):
        as_array([np.ones((1, 2)), gap], "set")
    with pytest.raises(UserError, match="set: series 2 has 1 values, another 2"):
        as_array([np.ones((1, 2)), short], "set", gaps="interpolate")
    with pytest.raises(UserError, match="set: series 1 has a value beyond"):
        as_array([np.array([[1e39, 0.0]])], "set")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.ts").write_bytes("@problemName Müll\n@data\n1\n".encode("latin-1"))
    for name in ("latin.ts", "absent.ts", "."):
        with pytest.raises(UserError, match="cannot be read"):
            read_ts(tmp_path / name)


def test_archives_are_read_by_name(tmp_path: Path) -> None:
    archive = tmp_path / "sets.tar.gz"
    texts = {part: HEADER + f"@data\n1,{part}:a\n" for part in (2, 3)}
    with tarfile.open(archive, "w:gz") as files:
        for part, text in zip(("TRAIN", "TEST"), texts.values(), strict=True):
            info = tarfile.TarInfo(f"sets/Two/Two_{part}.ts")
            info.size = len(text)
            files.addfile(info, io.BytesIO(text.encode()))
    train, test = read_ts_archive(archive, "Two")
    assert (train.series[0][0, 1], test.series[0][0, 1]) == (2, 3)
    with pytest.raises(UserError, match="Did you mean Two"):
        read_ts_archive(archive, "Twoo")
    archive.write_bytes(archive.read_bytes()[:100])
    with pytest.raises(UserError, match="truncated or damaged"):
        read_ts_archive(archive, "Two")


@pytest.mark.skipif(not (REAL / "uea_articulary").is_dir(), reason="DLPLUG_DATA has no uea_articulary")
def test_the_articulation_set() -> None:
    train, test = read_ts_archive(REAL / "uea_articulary" / "uea_articulary.tar.gz", "ArticularyWordRecognition")
    assert (len(train.series), len(test.series), len(train.classes)) == (275, 300, 25)
    assert as_array(train.series, "words").shape == (275, 9, 144)
    assert (np.bincount(test.y) == 12).all()
