"""The M4 competition's hourly and weekly series (Makridakis et al. 2020, doi:10.1016/j.ijforecast.2019.04.014)."""

from __future__ import annotations

import csv
from dataclasses import dataclass

import torch
from torch import Tensor

from dlplug import Remote, UserError
from dlplug_signals.forecasting.data.files import read_published
from dlplug_signals.forecasting.windows import Forecasting, HeldOut, Windows, window_starts

ADDRESS = "https://raw.githubusercontent.com/Mcompetitions/M4-methods/6c1067e5a57161249b17289a565178dc7a3fb3ca/Dataset"


@dataclass(frozen=True)
class M4HeldOut(HeldOut):
    """One window for each series. scale: the denominators of MASE, (N,)."""

    scale: Tensor


class M4(Forecasting):
    """One model for all series of a frequency: it forecasts the `horizon` values that follow each series.

    val is the last `horizon` values of each series' published training part, which no training window contains; test
    is the published test part. Values are not scaled: series lie between 10 and 700,000, so that a model divides
    each window by its level.
    """

    frequency = ""
    season = 1
    published_horizon = 0
    files: tuple[Remote, Remote]

    def __init__(self, *, windows: Windows, seed: int) -> None:
        horizon = windows.horizon
        if horizon != self.published_horizon:
            raise UserError(
                f"M4's {self.frequency} series have a horizon of {self.published_horizon}: --data.horizon {horizon} "
                "cannot be measured"
            )
        train, test = (read_m4(file) for file in self.files)
        lengths = [len(series) for series in train.values()]
        shortest = min(train, key=lambda name: len(train[name]))
        if (most := len(train[shortest]) - 2 * horizon) < windows.input:
            raise UserError(
                f"series {shortest} has {len(train[shortest])} values: --data.input must be at most {most}, so that "
                f"it has a training window beside its {horizon} validation values; got {windows.input}"
            )
        ends, begin = [], 0  # rows of the published training parts: each series is followed by its test part
        for length in lengths:
            ends.append((begin, begin + length))
            begin += length + horizon
        starts = {
            "train": torch.cat([window_starts(a, b - horizon, windows, a) for a, b in ends]),
            "val": torch.tensor([b - horizon - windows.input for _, b in ends]),
            "test": torch.tensor([b - windows.input for _, b in ends]),
        }
        self.scales = {
            "val": torch.stack([mase_scale(series[:-horizon], self.season) for series in train.values()]),
            "test": torch.stack([mase_scale(series, self.season) for series in train.values()]),
        }
        values = torch.cat([part for name in train for part in (train[name], test[name])])[:, None].float()
        super().__init__(values, starts, windows, season=self.season, names=(self.frequency,), seed=seed)
        self.protocol = f"{len(train)} {self.frequency} series, horizon {horizon}, the published test part"

    def split(self, name: str) -> M4HeldOut:
        return self.held_out(name, M4HeldOut, scale=self.scales[name])


class M4Hourly(M4):
    """M4's 414 hourly series of 700 or 960 values; horizon 48, season 24."""

    frequency, season, published_horizon = "hourly", 24, 48
    files = (
        Remote("m4/Hourly-train.csv", f"{ADDRESS}/Train/Hourly-train.csv", 2347115,
               "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f"),
        Remote("m4/Hourly-test.csv", f"{ADDRESS}/Test/Hourly-test.csv", 132820,
               "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42"),
    )  # fmt: skip

    def __init__(self, *, windows: Windows = Windows(input=336, horizon=48, batch_size=256), seed: int) -> None:
        super().__init__(windows=windows, seed=seed)


class M4Weekly(M4):
    """M4's 359 weekly series of 80 to 2597 values; horizon 13, no season."""

    frequency, season, published_horizon = "weekly", 1, 13
    files = (
        Remote("m4/Weekly-train.csv", f"{ADDRESS}/Train/Weekly-train.csv", 4015067,
               "d478d3f6ed673e6ed3c2cb0fbed5425f72eedd51318ebebeb0b5ecfcefc37714"),
        Remote("m4/Weekly-test.csv", f"{ADDRESS}/Test/Weekly-test.csv", 44247,
               "3b2bc4be8e636e802260dcd843ca3c5da40536a1fbe1ecb3229a97dae4f44688"),
    )  # fmt: skip

    def __init__(self, *, windows: Windows = Windows(input=52, horizon=13, batch_size=256), seed: int) -> None:
        super().__init__(windows=windows, seed=seed)


def read_m4(remote: Remote) -> dict[str, Tensor]:
    """The series by id, (length,) doubles; short ones end in empty cells."""
    _, *rows = csv.reader(read_published(remote).splitlines())
    return {name: torch.tensor([float(cell) for cell in cells if cell], dtype=torch.double) for name, *cells in rows}


def mase_scale(train: Tensor, season: int) -> Tensor:
    """The denominator of MASE: the mean absolute difference of a series (T,) at the lag of its season."""
    return (train[season:] - train[:-season]).abs().mean()
