"""Anybody's time series in a CSV file: a row for each time step, a column for each series."""

from __future__ import annotations

import csv
import itertools
import logging
import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import torch

from dlplug import PositiveInt, Range, UserError, nearest
from dlplug_signals.forecasting.windows import Forecasting, Windows, standardised, three_parts

log = logging.getLogger("dlplug")

MISSING = {"", "na", "nan", "null", "none", "-"}


class CsvSeries(Forecasting):
    """Time series of a CSV file with a header: a row for each time step, oldest first; a column for each series.

    Time is split into train, val and test, in this order; columns are scaled by their training rows.

    path: the CSV file.
    date: the name of the column of dates (ISO 8601, such as 2026-07-01 13:00), which must be in equal steps; empty
        where there is none, and each row is one time step.
    separator: the character between cells.
    season: time steps of a season, such as 24 for hourly values; 1 for none.
    interpolate: fills missing values, and the time steps that the dates leave out, linearly between their neighbours;
        off refuses them. Nothing is filled before a column's first value or after its last.
    validation, test: fractions of the rows held out.
    """

    def __init__(
        self,
        *,
        path: str,
        date: str = "",
        separator: str = ",",
        season: PositiveInt = 24,
        interpolate: bool = False,
        validation: Annotated[float, Range(gt=0, lt=1)] = 0.1,
        test: Annotated[float, Range(gt=0, lt=1)] = 0.2,
        windows: Windows = Windows(input=96, horizon=24),
        seed: int,
    ) -> None:
        if not path:
            raise UserError("--data.path is empty: give a CSV file with a row for each time step")
        if validation + test >= 1:
            raise UserError(f"--data.validation and --data.test must sum to less than 1, got {validation} and {test}")
        names, values = read_series(Path(path).expanduser(), date, separator, interpolate)
        val_end = len(values) - math.ceil(test * len(values))
        train_end = val_end - math.ceil(validation * len(values))
        starts = three_parts(len(values), train_end, val_end, windows)
        scaled = standardised(torch.from_numpy(values), train_end).float()
        super().__init__(scaled, starts, windows, season=season, names=names, seed=seed)
        self.protocol = (
            f"{Path(path).name}: {len(names)} columns, {windows.input} steps to {windows.horizon}, "
            f"all {len(starts['test'])} test windows"
        )


def read_series(path: Path, date: str, separator: str, interpolate: bool) -> tuple[tuple[str, ...], np.ndarray]:
    """The columns' names and values (rows, columns), complete and in equal time steps. Raises UserError, naming the
    row and column, for what cannot be read or is missing."""
    header, rows = read_rows(path, separator)
    dates: list[datetime] = []
    if date:
        if date not in header:
            raise UserError(f"{path} has no column {date!r} for --data.date{nearest(date, header)}")
        at = header.index(date)
        dates = [read_date(path, number, row[at]) for number, row in enumerate(rows, 2)]
        header, rows = [*header[:at], *header[at + 1 :]], [[*row[:at], *row[at + 1 :]] for row in rows]
    if not header:
        raise UserError(f"{path} has no column of values")
    values = np.array([
        [read_number(path, number, name, cell) for name, cell in zip(header, row, strict=True)]
        for number, row in enumerate(rows, 2)
    ])  # fmt: skip
    check_lengths(path, header, values)
    if dates:
        values = in_equal_steps(path, dates, values, interpolate)
    return tuple(header), without_gaps(path, header, values, interpolate)


def read_rows(path: Path, separator: str) -> tuple[list[str], list[list[str]]]:
    """The header and the rows, each as long as the header."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file, delimiter=separator) if line]
    except (OSError, UnicodeDecodeError, csv.Error, TypeError) as error:
        raise UserError(f"--data.path {path} cannot be read as a CSV file: {error}") from None
    if len(lines) < 2:
        raise UserError(f"{path} has no rows below a header")
    header, *rows = lines
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise UserError(f"{path}, row {number} has {len(row)} cells, and the header has {len(header)}")
    return [name.strip() for name in header], rows


def read_date(path: Path, number: int, cell: str) -> datetime:
    try:
        return datetime.fromisoformat(cell.strip())
    except ValueError:
        raise UserError(f"{path}, row {number}: {cell!r} is not a date such as 2026-07-01 13:00") from None


def read_number(path: Path, number: int, name: str, cell: str) -> float:
    """A cell's number; NaN for a missing one."""
    if cell.strip().lower() in MISSING:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        hint = "; --data.date names the column of dates" if number == 2 else ""
        raise UserError(f"{path}, row {number}, column {name!r}: {cell!r} is not a number{hint}") from None
    if math.isinf(value):
        raise UserError(f"{path}, row {number}, column {name!r} is infinite")
    return value


def check_lengths(path: Path, names: Sequence[str], values: np.ndarray) -> None:
    """Raises UserError for series of unequal length: columns whose first or last cells are missing."""
    for name, column in zip(names, values.T, strict=True):
        present = np.flatnonzero(~np.isnan(column))
        if not len(present):
            raise UserError(f"{path}: column {name!r} has no values; leave it out")
        if present[0] > 0 or present[-1] < len(column) - 1:
            raise UserError(
                f"{path}: series of unequal length: column {name!r} has values from row {present[0] + 2} to "
                f"{present[-1] + 2}, the file from 2 to {len(column) + 1}; cut the file or leave the column out"
            )


def in_equal_steps(path: Path, dates: list[datetime], values: np.ndarray, interpolate: bool) -> np.ndarray:
    """A row for each time step of the commonest length; the rows of left-out steps are NaN."""
    if len({date.tzinfo is None for date in dates}) > 1:
        raise UserError(f"{path}: some dates have a time zone and some have none")
    steps = [after - before for before, after in itertools.pairwise(dates)]
    if not steps:
        return values
    step = Counter(steps).most_common(1)[0][0]
    for number, found in enumerate(steps, 3):
        if found.total_seconds() <= 0:
            raise UserError(f"{path}, row {number}: its date is not later than that of the row before")
        if found % step:
            raise UserError(f"{path}, row {number} comes {found} after the row before; steps are of {step}")
        if found != step and not interpolate:
            raise UserError(
                f"{path} has a gap: row {number} comes {found} after the row before, and steps are of {step}; "
                "--data.interpolate fills gaps"
            )
    places = np.cumsum([0, *(found // step for found in steps)])
    spread = np.full((places[-1] + 1, values.shape[1]), np.nan)
    spread[places] = values
    return spread


def without_gaps(path: Path, names: Sequence[str], values: np.ndarray, interpolate: bool) -> np.ndarray:
    """Missing values filled linearly between their neighbours, and their number logged; or refused."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    if not interpolate:
        row, column = np.argwhere(missing)[0]
        raise UserError(
            f"{path}, row {row + 2}, column {names[column]!r}: the value is missing, and {missing.sum() - 1} others; "
            "--data.interpolate fills them"
        )
    rows = np.arange(len(values))
    filled = values.copy()
    for column, gaps in enumerate(missing.T):
        filled[gaps, column] = np.interp(rows[gaps], rows[~gaps], values[~gaps, column])
    log.info(f"{path.name}: {missing.sum()} of {values.size} values were missing, and are interpolated")
    return filled
