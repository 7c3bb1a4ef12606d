"""Dates in seven formats and in ISO 8601: generated sentence pairs."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy as np

from dlplug import PositiveInt, Run, UserError
from dlplug_text.data.pairs import PairOptions, Pairs, Sentences

FIRST, LAST = datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)  # two digits identify the year
MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()  # noqa: SIM905
FORMATS: tuple[Callable[[datetime.date], str], ...] = (
    lambda d: f"{d.day} {MONTHS[d.month - 1]} {d.year}",
    lambda d: f"{MONTHS[d.month - 1]} {d.day}, {d.year}",
    lambda d: f"{DAYS[d.weekday()]}, {d.day} {MONTHS[d.month - 1][:3]} {d.year}",
    lambda d: f"{MONTHS[d.month - 1][:3].lower()} {d.day} {d.year % 100:02}",
    lambda d: f"{d.day}.{d.month}.{d.year}",
    lambda d: f"{d.month}/{d.day}/{d.year % 100:02}",
    lambda d: f"{d.year}{d.month:02}{d.day:02}",
)


class Dates(Pairs):
    """Dates in seven formats and their ISO 8601 form, generated without a download; held-out days are not in the
    training set."""

    training_options = ("batch_size", "dates")

    def __init__(
        self, *, dates: PositiveInt = 20_000, batch_size: PositiveInt = 64, seed: int, run: Run | None = None
    ) -> None:
        """
        dates: number of training dates, drawn in seven formats from the 80 % of days that are not held out.
        batch_size: sentence pairs per batch.
        """
        if dates < 1:
            raise UserError(f"--data.dates must be at least 1, got {dates}")
        super().__init__(
            lambda: {
                "train": random_dates(dates, range(8), 0),
                "val": random_dates(500, [8], 1),
                "test": random_dates(1000, [9], 2),
            },
            "dates in seven formats, of days that were not learnt from",
            PairOptions(vocabulary="characters", batch_size=batch_size),
            seed=seed,
            run=run,
        )


def random_dates(count: int, residues: range | list[int], seed: int) -> Sentences:
    """Dates whose day number modulo 10 is one of the residues, each in a random format; the same for every run."""
    random = np.random.default_rng(seed)
    tens = (LAST - FIRST).days // 10
    days = 10 * random.integers(0, tens, count) + random.choice(residues, count)
    dates = [FIRST + datetime.timedelta(days=int(day)) for day in days]
    formats = random.integers(0, len(FORMATS), count)
    written = [FORMATS[number](date) for number, date in zip(formats, dates, strict=True)]
    return Sentences(written, [date.isoformat() for date in dates])
