"""The values of an option in a sweep, in the command line's notation.

0.99,0.995       these values; a comma in a value is written \\,
0..4             the whole numbers from 0 to 4
0.9:0.999        anything between, for a search; whole numbers where the option takes those
1e-5:1e-2:log    the same, even in its logarithm
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
    """Each of these."""

    values: tuple[Any, ...]


class Range(NamedTuple):
    """Anything from low to high: whole numbers where those are ints. log: even in its logarithm."""

    low: float
    high: float
    log: bool


Space = Choices | Range
Resolve = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def spaces(given: Mapping[str, Any], resolve: Resolve) -> dict[str, Space]:
    """What is tried of each option. resolve: the typed options of a run that is given these.

    Raises UserError for what is neither values nor a range, and for a range of an option that takes no numbers.
    """
    ranges = {option: match for option, text in given.items() if (match := RANGE.fullmatch(str(text)))}
    choices = {option: _choices(option, value) for option, value in given.items() if option not in ranges}
    first = {option: choice.values[0] for option, choice in choices.items()}
    return {
        option: _range(option, *ranges[option].groups(), given=first, resolve=resolve)
        if option in ranges
        else choices[option]
        for option in given
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


def _range(option: str, low: str, high: str, scale: str | None, *, given: Mapping[str, Any], resolve: Resolve) -> Range:
    text = ":".join([low, high, *([scale] if scale else [])])
    ends = [resolve({**given, option: end}).get(option) for end in (low, high)]
    numbers = [end for end in ends if isinstance(end, (int, float)) and not isinstance(end, bool)]
    if len(numbers) < 2 or option == "seed":
        raise UserError(f"{flag(option)} {text} is a range, but the option takes {_instead(option)}")
    if scale not in (None, "log"):
        raise UserError(f"{flag(option)} {text}: after the ends of a range only `log` may stand, as in 1e-5:1e-2:log")
    if not numbers[0] < numbers[1] or (scale and numbers[0] <= 0):
        raise UserError(f"{flag(option)} {text}: expected low:high with {'0 < ' if scale else ''}low < high")
    return Range(numbers[0], numbers[1], scale is not None)


def _instead(option: str) -> str:
    return "values here, as in 0..4" if option == "seed" else "no numbers"
