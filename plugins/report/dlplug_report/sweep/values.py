"""The values of an option in a sweep, in the command line's notation.

0.99,0.995       a list of values; a comma in a value is written \\,
0..4             the whole numbers from 0 to 4
0.9:0.999        a range, for a search; of whole numbers for a whole-number option
1e-5:1e-2:log    a range that is sampled uniformly in the logarithm
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dlplug.errors import UserError
from dlplug.options.parsing import flag

NUMBER = r"[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[kKmMbB]?"
RANGE = re.compile(rf"({NUMBER}):({NUMBER})(?::(\w+))?")
WHOLE = re.compile(r"(-?\d+)\.\.(-?\d+)")
MOST = 10_000  # values of one option


class Choices(NamedTuple):
    """A list of values."""

    values: tuple[Any, ...]


class Range(NamedTuple):
    """A range from low to high; of whole numbers if both are ints. log: sampled uniformly in the logarithm."""

    low: float
    high: float
    log: bool


Space = Choices | Range
Resolve = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def spaces(texts: Mapping[str, Any], resolve: Resolve) -> dict[str, Space]:
    """The values or range of each option. resolve: returns a run's typed options for option texts.

    Raises UserError for a text that is neither, and for a range of an option that takes no numbers.
    """
    ranges = {option: match for option, text in texts.items() if (match := RANGE.fullmatch(str(text)))}
    choices = {option: _choices(option, value) for option, value in texts.items() if option not in ranges}
    first = {option: choice.values[0] for option, choice in choices.items()}
    return {
        option: _range(option, *ranges[option].groups(), texts=first, resolve=resolve)
        if option in ranges
        else choices[option]
        for option in texts
    }


def _choices(option: str, value: Any) -> Choices:
    if not isinstance(value, str):  # a flag, or an option of several values, which is one choice
        return Choices((value,))
    if match := WHOLE.fullmatch(value):
        low, high = int(match[1]), int(match[2])
        if not low < high < low + MOST:
            raise UserError(f"{flag(option)} {value}: expected whole numbers from a lower to a higher one, as in 0..4")
        return Choices(tuple(str(number) for number in range(low, high + 1)))
    values = [part.replace("\\,", ",").strip() for part in re.split(r"(?<!\\),", value)]
    if "" in values and len(values) > 1:
        raise UserError(f"{flag(option)} {value}: a value between the commas is missing")
    if twice := next((one for one in values if values.count(one) > 1), None):
        raise UserError(f"{flag(option)} {value}: {twice} is given twice")
    return Choices(tuple(values))


def _range(option: str, low: str, high: str, scale: str | None, *, texts: Mapping[str, Any], resolve: Resolve) -> Range:
    text = ":".join([low, high, *([scale] if scale else [])])
    ends = [resolve({**texts, option: end}).get(option) for end in (low, high)]
    numbers = [end for end in ends if isinstance(end, (int, float)) and not isinstance(end, bool)]
    if len(numbers) < 2 or option == "seed":
        raise UserError(f"{flag(option)} {text} is a range, but the option takes {_instead(option)}")
    if scale not in (None, "log"):
        raise UserError(f"{flag(option)} {text}: only `log` may follow the ends of a range, as in 1e-5:1e-2:log")
    if not numbers[0] < numbers[1] or (scale and numbers[0] <= 0):
        raise UserError(f"{flag(option)} {text}: expected low:high with {'0 < ' if scale else ''}low < high")
    return Range(numbers[0], numbers[1], scale is not None)


def _instead(option: str) -> str:
    return "values here, as in 0..4" if option == "seed" else "no numbers"
