"""Types of options that say which numbers, or which texts, are allowed. A factory names one in its signature:

def factory(*, width: PositiveInt = 64, clip: PositiveFloat | None = None, depth: Annotated[int, Range(ge=1)] = 2): ...

The options of a run are checked before anything is built; direct calls of a factory from Python are not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite
from typing import Annotated, Any, TypeVar, get_args


@dataclass(frozen=True)
class Range:
    """An interval that a number must be in: greater than `gt`, or equal to `ge`; less than `lt`, or equal to `le`."""

    gt: float = -inf
    ge: float = -inf
    lt: float = inf
    le: float = inf

    def __contains__(self, number: float) -> bool:
        return self.gt < number < self.lt and self.ge <= number <= self.le

    def __str__(self) -> str:
        if isfinite(self.ge) and isfinite(self.le):
            return f"from {self.ge} to {self.le}"
        limits = {"above": self.gt, "at least": self.ge, "below": self.lt, "at most": self.le}
        return " and ".join(f"{word} {limit}" for word, limit in limits.items() if isfinite(limit))


@dataclass(frozen=True)
class Form:
    """What a text must look like: a regular expression, and that in words."""

    pattern: str
    words: str


Limit = TypeVar("Limit", Range, Form)

PositiveInt = Annotated[int, Range(gt=0)]
NonNegativeInt = Annotated[int, Range(ge=0)]
PositiveFloat = Annotated[float, Range(gt=0)]
NonNegativeFloat = Annotated[float, Range(ge=0)]
Fraction = Annotated[float, Range(ge=0, le=1)]
ProperFraction = Annotated[float, Range(ge=0, lt=1)]
Seed = Annotated[int, Range(ge=0, lt=2**32)]
Device = Annotated[str, Form(r"auto|mps|(cpu|cuda)(:\d+)?", "auto, cpu, cuda, cuda:1 or mps")]


def ranges_of(kind: Any) -> Iterator[Range]:
    """The ranges in a type, at any depth: `PositiveInt | None`, `tuple[Fraction, ...]`."""
    return _limits(kind, Range)


def _limits(kind: Any, of: type[Limit]) -> Iterator[Limit]:
    if isinstance(kind, of):
        yield kind
    for inner in get_args(kind):
        yield from _limits(inner, of)


def fault(kind: Any, value: Any) -> str:
    """What is wrong with the value of an option of that type, such as "above 0, got -1"; "" where nothing is. All
    elements of a list or tuple are checked."""
    for number in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(number, float) and not isfinite(number):
            return f"a finite number, got {number}"
        if isinstance(number, (int, float)):
            for allowed in ranges_of(kind):
                if number not in allowed:
                    none = " or None" if type(None) in get_args(kind) else ""
                    return f"{allowed}{none}, got {number if isinstance(number, int) else f'{number:.15g}'}"
        if isinstance(number, str):
            for form in _limits(kind, Form):
                if not re.fullmatch(form.pattern, number):
                    return f"{form.words}, got {number!r}"
    return ""
