"""ETT: hourly loads and the oil temperature of two power transformers (Zhou et al. 2021, arXiv:2012.07436)."""

from __future__ import annotations

import csv
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from dlplug import Remote
from dlplug_signals.forecasting.data.files import read_published
from dlplug_signals.forecasting.windows import Forecasting, Windows, standardised, three_parts

ADDRESS = "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/1d16c8f4f943005d613b5bc962e9eeb06058cf07/ETT-small"
MONTH = 30 * 24  # rows
TRAIN_END, VAL_END, TEST_END = 12 * MONTH, 16 * MONTH, 20 * MONTH  # later rows are not used, as in all publications


class ETT(Forecasting):
    """A power transformer's hourly loads and oil temperature: 12 months train, 4 months val, 4 months test.

    Columns are scaled by the mean and standard deviation of their training rows. Inputs of val and test look back over
    the border of their split; every window is measured. Licence of the files: CC BY-ND 4.0.

    columns: all seven columns (the multivariate protocol), or the oil temperature OT alone (the univariate one).
    """

    remote: Remote

    def __init__(self, *, columns: Literal["all", "OT"] = "all", windows: Windows = Windows(), seed: int) -> None:
        values, names = read_ett(self.remote)
        if columns == "OT":
            values, names = values[:, -1:], names[-1:]
        values = standardised(values, TRAIN_END).float()
        starts = three_parts(TEST_END, TRAIN_END, VAL_END, windows)
        super().__init__(values, starts, windows, season=24, names=names, seed=seed)
        self.protocol = (
            f"{len(names)} column{'s' * (len(names) > 1)}, {windows.input} hours to {windows.horizon}, "
            f"all {len(starts['test'])} test windows"
        )


class ETTh1(ETT):
    """ETTh1: the hourly loads and oil temperature of the first transformer."""

    remote = Remote(
        "ett/ETTh1.csv", f"{ADDRESS}/ETTh1.csv", 2589657,
        "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
    )  # fmt: skip


class ETTh2(ETT):
    """ETTh2: the hourly loads and oil temperature of the second transformer."""

    remote = Remote(
        "ett/ETTh2.csv", f"{ADDRESS}/ETTh2.csv", 2417960,
        "a3dc2c597b9218c7ce1cd55eb77b283fd459a1d09d753063f944967dd6b9218b",
    )  # fmt: skip


def read_ett(remote: Remote) -> tuple[Tensor, tuple[str, ...]]:
    """The values (rows, 7), double, and the columns' names."""
    header, *rows = csv.reader(read_published(remote).splitlines())
    return torch.from_numpy(np.array([row[1:] for row in rows], np.float64)), tuple(header[1:])
