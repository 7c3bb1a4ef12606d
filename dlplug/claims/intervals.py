"""The 95 % confidence interval of a mean over seeds, by Student's t."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist, mean, stdev
from typing import NamedTuple

# The 0.975 quantile of Student's t for 1 to 30 degrees of freedom.
QUANTILES = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)  # fmt: skip


class Interval(NamedTuple):
    """A mean over seeds and half the width of its 95 % interval, which is None with one seed and where a value is not
    finite."""

    mean: float
    half_width: float | None
    seeds: int

    @property
    def low(self) -> float:
        """The lower end; NaN where there is no interval."""
        return math.nan if self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float:
        """The upper end; NaN where there is no interval."""
        return math.nan if self.half_width is None else self.mean + self.half_width

    def __str__(self) -> str:
        """As tables print it: "0.9759 ± 0.00398 (3 seeds)"."""
        seeds = f"{self.seeds} seed{'s' if self.seeds > 1 else ''}"
        if self.half_width is None:
            return f"{'-' if math.isnan(self.mean) else f'{self.mean:.4g}'} ({seeds}, no interval)"
        return f"{self.mean:.4g} ± {self.half_width:.3g} ({seeds})"


def interval(values: Iterable[float | None]) -> Interval:
    """The interval of a metric's mean, from its value at each seed; None, which is NaN in JSON files, counts as
    NaN. Raises ValueError without values."""
    numbers = [math.nan if value is None else float(value) for value in values]
    if not numbers:
        raise ValueError("a mean needs at least one value")
    count = len(numbers)
    if count == 1 or not all(map(math.isfinite, numbers)):
        return Interval(sum(numbers) / count, None, count)
    return Interval(mean(numbers), quantile(count - 1) * stdev(numbers) / math.sqrt(count), count)


def quantile(degrees: int) -> float:
    """The 0.975 quantile of Student's t, correct to four decimals: from the table, and beyond it by the first terms of
    the Cornish-Fisher expansion (Abramowitz & Stegun, 26.7.5). Raises ValueError below one degree of freedom."""
    if degrees < 1:
        raise ValueError(f"Student's t needs at least one degree of freedom, got {degrees}")
    if degrees <= len(QUANTILES):
        return QUANTILES[degrees - 1]
    z, n = NormalDist().inv_cdf(0.975), degrees
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3
