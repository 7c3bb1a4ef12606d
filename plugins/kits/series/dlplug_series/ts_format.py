"""Reads and writes the text format of the UCR and UEA archives (timeseriesclassification.com), files named `.ts`.

    @problemName Words
    @missing false
    @univariate false
    @dimension 2
    @equalLength true
    @seriesLength 3
    @classLabel true yes no
    @data
    0.1,0.2,0.3:1.5,1.4,1.3:yes

After `@data` a line is one series: its channels, divided by `:`, and last its class. `?` is a missing value.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlplug import UserError, nearest

Series = NDArray[np.float64]  # (channels, length), NaN where a value is missing

FLAGS = ("timestamps", "missing", "univariate", "equallength", "classlabel", "targetlabel")
COUNTS = ("dimension", "dimensions", "serieslength")


class SeriesSet(NamedTuple):
    """Labelled series: each (channels, length) with NaN where a value is missing, their class indices (N,), and the
    names of the classes in the order of the file's header. Without labels `y` and `classes` are empty."""

    name: str
    series: tuple[Series, ...]
    y: NDArray[np.int64]
    classes: tuple[str, ...]


class Header(NamedTuple):
    """The lines before `@data`; None for what they do not say."""

    name: str = ""
    missing: bool | None = None
    equal: bool | None = None
    channels: int | None = None
    length: int | None = None
    classes: tuple[str, ...] = ()


def read_ts(path: Path) -> SeriesSet:
    """The series of a file. Raises UserError, naming file and line, for one that breaks the format or its header."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a .ts file ({error})") from None
    return parse_ts(text, str(path))


def read_ts_archive(archive: Path, name: str) -> tuple[SeriesSet, SeriesSet]:
    """The training and the test set of a name, from NAME_TRAIN.ts and NAME_TEST.ts anywhere in a .tar.gz archive.

    Raises UserError for a missing or damaged archive, and for a name that is not in it, with the nearest one.
    """
    try:
        with tarfile.open(archive, "r:gz") as files:
            members = {Path(file.name).name: file for file in files if file.name.endswith(".ts")}
            wanted = [f"{name}_{part}.ts" for part in ("TRAIN", "TEST")]
            if missing := [file for file in wanted if file not in members]:
                names = sorted({file.rpartition("_")[0] for file in members})
                raise UserError(f"{archive} has no {missing[0]}.{nearest(name, names)}")
            texts = [(files.extractfile(members[file]) or io.BytesIO()).read().decode("utf-8-sig") for file in wanted]
    except (tarfile.TarError, EOFError, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{archive} is missing, truncated or damaged ({error})") from None
    train, test = (parse_ts(text, f"{archive.name}/{file}") for text, file in zip(texts, wanted, strict=True))
    check_pair(train, test, f"{archive.name}/{name}")
    return train, test


def check_pair(train: SeriesSet, test: SeriesSet, where: str) -> None:
    """Raises UserError where a training and a test set differ in their classes or channels."""
    if train.classes != test.classes:
        raise UserError(f"{where}: the classes are {train.classes} in training and {test.classes} in the test set")
    if len(train.series[0]) != len(test.series[0]):
        counts = f"{len(train.series[0])} channels in training and {len(test.series[0])} in the test set"
        raise UserError(f"{where}: there are {counts}")


def parse_ts(text: str, where: str) -> SeriesSet:
    """The series of a file's text. where: the file's name, for errors. Raises UserError like `read_ts`."""
    header, rows = divided(text, where)
    parsed = [parse_series(row, header, f"{where}, line {number}") for number, row in rows]
    if not parsed:
        raise UserError(f"{where} has no series after @data")
    series, labels = zip(*parsed, strict=True)
    channels, length = header.channels or len(series[0]), header.length or series[0].shape[1]
    for (number, _), one in zip(rows, series, strict=True):
        if len(one) != channels:
            raise UserError(f"{where}, line {number}: {len(one)} channels, expected {channels}")
        if header.equal and one.shape[1] != length:
            raise UserError(f"{where}, line {number}: {one.shape[1]} values per channel, expected {length}")
    index = {name: number for number, name in enumerate(header.classes)}
    y = np.array([index[label] for label in labels] if index else [], dtype=np.int64)
    return SeriesSet(header.name, series, y, header.classes)


def divided(text: str, where: str) -> tuple[Header, list[tuple[int, str]]]:
    """The header, and the number and text of each line of values."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    begins = next((place for place, (_, line) in enumerate(lines) if line.lower() == "@data"), None)
    if begins is None:
        raise UserError(f"{where} has no line @data: it is no .ts file, or it is truncated")
    return parse_header(lines[:begins], where), lines[begins + 1 :]


def parse_header(lines: list[tuple[int, str]], where: str) -> Header:
    flags: dict[str, bool] = {}
    counts: dict[str, int] = {}
    name, classes = "", ()
    for number, line in lines:
        if not line.startswith("@"):
            raise UserError(f"{where}, line {number}: values before the line @data")
        key, *values = line[1:].split()
        key, value = key.lower(), values[0].lower() if values else ""
        if key in FLAGS:
            if value not in ("true", "false"):
                raise UserError(f"{where}, line {number}: {line.split()[0]} must be true or false, got {value!r}")
            flags[key] = value == "true"
        elif key in COUNTS:
            if not (value.isdecimal() and int(value)):
                raise UserError(f"{where}, line {number}: {line.split()[0]} must be a positive number, got {value!r}")
            counts[key.removesuffix("s")] = int(value)
        elif key == "problemname":
            name = " ".join(values)
        if key == "classlabel" and flags[key]:
            classes = tuple(values[1:])
            if not classes or len({*classes}) < len(classes):
                raise UserError(f"{where}, line {number}: @classLabel true must list each class once, got {line!r}")
    for key, what in (("timestamps", "time stamps"), ("targetlabel", "a target for regression")):
        if flags.get(key):
            raise UserError(f"{where}: its series have {what}, which this reader does not support")
    channels = 1 if flags.get("univariate") else counts.get("dimension")
    return Header(name, flags.get("missing"), flags.get("equallength"), channels, counts.get("serieslength"), classes)


def parse_series(row: str, header: Header, where: str) -> tuple[Series, str]:
    """A line's series (channels, length) and label, "" in a file without labels."""
    channels = row.split(":")
    label = channels.pop().strip() if header.classes else ""
    if header.classes and label not in header.classes:
        raise UserError(f"{where}: {label[:40]!r} is no class of the header.{nearest(label, header.classes)}")
    values = [parse_channel(channel, where) for channel in channels]
    for number, channel in enumerate(values, 1):
        if len(channel) != len(values[0]):
            raise UserError(f"{where}: channel {number} has {len(channel)} values, channel 1 has {len(values[0])}")
    if not values:
        raise UserError(f"{where}: a label without values")
    series = np.array(values)
    if header.missing is False and np.isnan(series).any():
        raise UserError(f"{where}: a missing value, but the header says @missing false")
    return series, label


def parse_channel(text: str, where: str) -> list[float]:
    try:
        values = list(map(float, text.replace("?", "nan").split(",")))
    except ValueError as error:
        raise UserError(f"{where}: a value is not a number ({error})") from None
    if "_" in text or np.isinf(values).any():
        raise UserError(f"{where}: a value is infinite or not a number")
    return values


def write_ts(data: SeriesSet) -> str:
    """The text of a file whose numbers are read back exactly."""
    lengths = {series.shape[1] for series in data.series}
    gaps = any(np.isnan(series).any() for series in data.series)
    channels = len(data.series[0])
    lines = [f"@problemName {data.name}", "@timeStamps false", f"@missing {flag(gaps)}"]
    lines += [f"@univariate {flag(channels == 1)}", *([f"@dimension {channels}"] if channels > 1 else [])]
    lines += [f"@equalLength {flag(len(lengths) == 1)}"]
    lines += [f"@seriesLength {length}" for length in lengths if len(lengths) == 1]
    lines += [" ".join([f"@classLabel {flag(bool(data.classes))}", *data.classes]), "@data"]
    labels = [f":{data.classes[y]}" for y in data.y] or [""] * len(data.series)
    for series, label in zip(data.series, labels, strict=True):
        lines.append(":".join(",".join(map(number, channel)) for channel in series.tolist()) + label)
    return "\n".join(lines) + "\n"


def flag(value: bool) -> str:
    return "true" if value else "false"


def number(value: float) -> str:
    return "?" if value != value else repr(value)


def as_array(
    series: Iterable[Series],
    where: str,
    *,
    gaps: Literal["refuse", "interpolate"] = "refuse",
    lengths: Literal["refuse", "pad"] = "refuse",
    length: int = 0,
) -> NDArray[np.float32]:
    """Series as one array (N, channels, length), as a net needs them.

    gaps: `interpolate` fills missing values linearly, those at an end with the nearest value.
    lengths: `pad` repeats the last value of shorter series.
    length: least length of the result, to which shorter series are padded.
    Raises UserError, naming the series, for gaps and lengths that are refused, a channel without values, and values
    beyond single precision.
    """
    series = list(series)
    longest = max(length, *(one.shape[1] for one in series))
    result = np.empty((len(series), len(series[0]), longest), dtype=np.float32)
    for place, one in enumerate(series):
        if lengths == "refuse" and one.shape[1] != longest:
            raise UserError(f"{where}: series {place + 1} has {one.shape[1]} values, another {longest}")
        missing = np.isnan(one)
        if missing.any():
            if gaps == "refuse":
                raise UserError(f"{where}: series {place + 1} has {missing.sum()} missing values")
            if missing.all(1).any():
                raise UserError(f"{where}: series {place + 1} has a channel without any value")
            one = np.stack([interpolated(channel) for channel in one])
        if np.abs(one).max() > np.finfo(np.float32).max:
            raise UserError(f"{where}: series {place + 1} has a value beyond single precision")
        result[place] = np.pad(one, ((0, 0), (0, longest - one.shape[1])), mode="edge")
    return result


def interpolated(channel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (length,) with linear interpolation where they are NaN."""
    known = np.flatnonzero(~np.isnan(channel))
    return np.interp(np.arange(len(channel)), known, channel[known])
