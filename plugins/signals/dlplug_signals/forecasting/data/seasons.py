"""Generated seasons and autoregressive noise, whose best possible forecast is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlplug import PositiveInt, UserError
from dlplug_signals.forecasting.windows import Forecasting, HeldOut, Windows, cut, standardised, three_parts

DAY, WEEK = 24, 7 * 24  # time steps
WAVES = ((DAY, 1.0), (DAY / 2, 0.5), (WEEK, 0.7))  # period and mean amplitude of each season
WARM_UP = 500  # time steps after which autoregressive noise is stationary


@dataclass(frozen=True)
class Generated(HeldOut):
    """Windows, and the generator's own best forecasts of them.

    seasons: the noiseless part of `values`, (T, C). ar: the noise's coefficients, that of the last value first.
    """

    seasons: Tensor
    ar: tuple[float, ...]

    def best(self, index: Tensor | slice) -> Tensor:
        """The conditional means (B, horizon, C) of these windows' futures: the season, which the generator knows, plus
        the expected noise given the noise of the past."""
        past = cut(self.values - self.seasons, self.starts[index], self.input, self.horizon).x
        season = cut(self.seasons, self.starts[index], self.input, self.horizon).y
        return season + expected_noise(past, self.ar, self.horizon)


class Seasons(Forecasting):
    """Daily and weekly seasons of random amplitude and phase, plus autoregressive noise: no download.

    Time is split in 60 % train, 20 % val, 20 % test. Columns are scaled by their training rows.

    length: time steps.
    columns: number of series, each with its own amplitudes, phases and noise.
    ar: coefficients of the autoregressive noise, that of the last value first.
    """

    def __init__(
        self,
        *,
        length: PositiveInt = 20_000,
        columns: PositiveInt = 4,
        ar: tuple[float, ...] = (0.6, -0.2),
        windows: Windows = Windows(horizon=24, batch_size=64),
        seed: int,
    ) -> None:
        check_stationary(ar)
        if windows.input < len(ar):
            raise UserError(
                f"--data.input must be at least {len(ar)}, one value for each --data.ar, got {windows.input}"
            )
        train_end, val_end = length * 6 // 10, length * 8 // 10
        generator = torch.Generator().manual_seed(seed)
        seasons = drawn_seasons(length, columns, generator)
        values = seasons + drawn_noise(length, columns, ar, generator)
        mean, deviation = values[:train_end].mean(0), values[:train_end].std(0, correction=0)
        self.noiseless, self.ar = ((seasons - mean) / deviation).float(), tuple(ar)
        values = standardised(values, train_end).float()
        starts = three_parts(length, train_end, val_end, windows)
        names = tuple(f"series {number}" for number in range(1, columns + 1))
        super().__init__(values, starts, windows, season=DAY, names=names, seed=seed)
        self.protocol = (
            f"{columns} generated columns, {windows.input} steps to {windows.horizon}, all {len(starts['test'])} "
            "test windows"
        )

    def split(self, name: str) -> Generated:
        return self.held_out(name, Generated, seasons=self.noiseless, ar=self.ar)


def drawn_seasons(length: int, columns: int, generator: torch.Generator) -> Tensor:
    """Sums of `WAVES` with a random phase and an amplitude of 0.5 to 1.5 times the mean one, (length, columns)."""
    time = torch.arange(length, dtype=torch.double)[:, None]
    total = torch.zeros(length, columns, dtype=torch.double)
    for period, amplitude in WAVES:
        strength, phase = (torch.rand(columns, generator=generator, dtype=torch.double) for _ in range(2))
        total += amplitude * (0.5 + strength) * torch.sin(2 * math.pi * (time / period + phase))
    return total


def drawn_noise(length: int, columns: int, ar: tuple[float, ...], generator: torch.Generator) -> Tensor:
    """Stationary noise e(t) = Σ ar(i) e(t - i) + u(t) with u standard normal, (length, columns)."""
    shocks = torch.randn(WARM_UP + length, columns, generator=generator, dtype=torch.double).numpy()
    noise = np.zeros((len(ar) + len(shocks), columns))
    backwards = np.array(ar[::-1])  # that of the earliest value first
    for time, shock in enumerate(shocks):
        noise[time + len(ar)] = backwards @ noise[time : time + len(ar)] + shock
    return torch.from_numpy(noise[len(ar) + WARM_UP :])


def expected_noise(past: Tensor, ar: tuple[float, ...], horizon: int) -> Tensor:
    """The conditional mean (B, horizon, C) of autoregressive noise, given its past (B, L, C) with L ≥ len(ar):
    the recursion e(t) = Σ ar(i) e(t - i), without shocks."""
    noise = list(past[:, past.shape[1] - len(ar) :].unbind(1))
    for _ in range(horizon):
        recent = noise[: -len(ar) - 1 : -1]
        noise.append(sum((a * e for a, e in zip(ar, recent, strict=True)), start=torch.zeros_like(past[:, 0])))
    return torch.stack(noise[len(ar) :], 1)


def check_stationary(ar: tuple[float, ...]) -> None:
    """Raises UserError for coefficients whose noise would grow without end."""
    roots = np.roots([1.0, *(-a for a in ar)])
    if len(roots) and abs(roots).max() >= 1:
        raise UserError(f"--data.ar {list(ar)} is not stationary: the noise would grow; try 0.6 -0.2")
