"""Time series cut into windows: the base class of data for forecasting, and what it holds out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from dlplug import Data, Labelled, Order, PositiveInt, Spec, UserError, to_device


@dataclass(frozen=True)
class Windows:
    """input: time steps before a forecast that the model receives.
    horizon: time steps to forecast.
    batch_size: windows per batch.
    """

    input: PositiveInt = 336
    horizon: PositiveInt = 96
    batch_size: PositiveInt = 32

    @property
    def length(self) -> int:
        return self.input + self.horizon


@dataclass(frozen=True)
class SeriesSpec(Spec):
    """The spec of time series: `input` is (time steps, columns), `output` the horizon, `names` the columns.

    season: time steps of a season, such as 24 for hourly values; 1 for none.
    """

    season: int = 1


@dataclass(frozen=True)
class HeldOut:
    """The windows of a split, for metrics and samplers.

    values: all series, one after another, as the models receive them, (T, C).
    starts: the first row of each window, (N,): `input` rows to look at, then `horizon` rows to forecast.
    train_starts: the same of the training windows, for baselines that are fitted to them.
    """

    values: Tensor
    starts: Tensor
    train_starts: Tensor
    input: int
    horizon: int
    season: int
    names: tuple[str, ...]

    def take(self, index: Tensor | slice) -> Labelled:
        """The windows of these places in `starts`: x (B, input, C), y (B, horizon, C)."""
        return cut(self.values, self.starts[index], self.input, self.horizon)

    def batches(self, size: int = 256) -> Iterator[Labelled]:
        """All windows, in order."""
        for begin in range(0, len(self.starts), size):
            yield self.take(slice(begin, begin + size))


Kind = TypeVar("Kind", bound=HeldOut)


def cut(values: Tensor, starts: Tensor, length: int, horizon: int) -> Labelled:
    """The windows of values (T, C) that begin at starts (B,): x (B, length, C) and y (B, horizon, C)."""
    rows = starts[:, None] + torch.arange(length + horizon, device=values.device)
    return Labelled(*values[rows].split([length, horizon], dim=1))


def window_starts(begin: int, end: int, windows: Windows, first: int = 0) -> Tensor:
    """The starts of all windows whose forecasts lie in the rows from `begin` to `end`, and whose inputs begin no
    earlier than the row `first`: an input may look back over the border of a split, a forecast may not."""
    earliest = max(begin - windows.input, first)
    return torch.arange(earliest, max(earliest, end - windows.length + 1))


class Forecasting(Data):
    """Windows of time series in three splits, "train", "val" and "test"; batches are x (B, input, C), y (B, horizon,
    C).

    values: all series, one after another, (T, C). starts: the first rows of each split's windows.
    """

    unit = "windows"
    finite = True
    splits = ("val", "test")

    def __init__(
        self,
        values: Tensor,
        starts: Mapping[str, Tensor],
        windows: Windows,
        *,
        season: int,
        names: tuple[str, ...],
        seed: int,
    ) -> None:
        for part, first in starts.items():
            if not len(first):
                raise UserError(
                    f"the {part} split has no window of --data.input {windows.input} and --data.horizon "
                    f"{windows.horizon} time steps: choose smaller ones"
                )
        if windows.batch_size > len(starts["train"]):
            raise UserError(
                f"--data.batch-size must be between 1 and the {len(starts['train'])} training windows, "
                f"got {windows.batch_size}"
            )
        self.series, self.starts, self.windows, self.season = values, dict(starts), windows, season
        self.order = Order(len(starts["train"]), windows.batch_size, seed)
        self.spec = SeriesSpec((windows.input, values.shape[1]), windows.horizon, names=names, season=season)

    def batches(self, model: nn.Module) -> Iterator[Labelled]:
        device = next(model.parameters()).device
        values, starts = self.series.to(device), self.starts["train"].to(device)
        while True:
            index = to_device(self.order.next(), device)
            self.count += self.windows.batch_size
            yield cut(values, starts[index], self.windows.input, self.windows.horizon)

    def steps_per_epoch(self) -> int:
        return self.order.steps_per_epoch

    def split(self, name: str) -> HeldOut:
        return self.held_out(name, HeldOut)

    def held_out(self, name: str, kind: type[Kind], **more: Any) -> Kind:
        """A split as `HeldOut` or a subclass, whose further fields are `more`."""
        windows, starts = self.windows, self.starts
        return kind(
            values=self.series,
            starts=starts[name],
            train_starts=starts["train"],
            input=windows.input,
            horizon=windows.horizon,
            season=self.season,
            names=self.spec.names,
            **more,
        )


def three_parts(total: int, train_end: int, val_end: int, windows: Windows) -> dict[str, Tensor]:
    """The starts of the windows of rows that are split in time: training rows before `train_end`, validation rows
    before `val_end`, test rows before `total`."""
    return {
        "train": window_starts(0, train_end, windows),
        "val": window_starts(train_end, val_end, windows),
        "test": window_starts(val_end, total, windows),
    }


def standardised(values: Tensor, train_end: int) -> Tensor:
    """values (T, C) scaled to mean 0 and standard deviation 1 of each column's rows before `train_end`; a constant
    column becomes 0."""
    mean, deviation = values[:train_end].mean(0), values[:train_end].std(0, correction=0)
    return (values - mean) / torch.where(deviation > 0, deviation, 1)
