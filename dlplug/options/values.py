"""From text to a value of a type: int, float, bool, str, Path, a Literal, None, and tuples and lists of one of them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

SUFFIXES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
SEQUENCES = (tuple, list, Sequence)


def parse_int(text: str) -> int:
    """1000, 1_000, 1e3, 10k, 1M, 2B. Raises ValueError for anything that is not a whole number."""
    from fractions import Fraction

    match = re.fullmatch(r"([+-]?\d+(?:_\d+)*(?:\.\d*)?(?:e[+-]?\d{1,2})?)([kmb]?)", text.strip(), re.IGNORECASE)
    value = Fraction(match[1]) * SUFFIXES[match[2].lower()] if match else Fraction(1, 2)
    if value.denominator != 1:
        raise ValueError(f"expected {EXPECTED[int]}, got {text!r}")
    return int(value)


def parse_bool(text: str) -> bool:
    """true, yes, on; false, no, off; in capitals or not."""
    if text.lower() not in WORDS:
        raise ValueError(f"expected {EXPECTED[bool]}, got {text!r}")
    return WORDS[text.lower()]


def parse_none(text: str) -> None:
    if text != "None":
        raise ValueError(f"expected None, got {text!r}")


READERS: dict[Any, Callable[[str], Any]] = {
    int: parse_int, float: float, bool: parse_bool, str: str, Path: Path, type(None): parse_none,
}  # fmt: skip
METAVARS = {int: "INT", float: "FLOAT", bool: "{true,false}", str: "STR", Path: "PATH", type(None): "None"}
EXPECTED = {
    int: "a whole number such as 1000, 1e3 or 10k",
    float: "a number such as 0.1 or 1e-4",
    bool: "true or false",
    str: "a text",
    Path: "a path",
    type(None): "None",
}


def alternatives(kind: Any) -> list[Any]:
    """The types that a union names, in its order, or the type alone; without what annotates them."""
    if get_origin(kind) is Annotated:
        return alternatives(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [one for member in get_args(kind) for one in alternatives(member)]
    return [kind]


def is_sequence(kind: Any) -> bool:
    """Whether it takes several values."""
    return get_origin(kind) in SEQUENCES or kind in (tuple, list)


def _is_uniform(kind: Any) -> bool:
    """Whether a sequence takes any number of values of one type: not `tuple[int, str]`."""
    return get_origin(kind) is not tuple or get_args(kind)[1:] == (...,)


def read(kind: Any, texts: Sequence[str]) -> Any:
    """The value of a type that was typed as texts: of a union, by the narrowest of its types that takes them.

    Raises ValueError, which says what was expected.
    """
    for one in sorted(alternatives(kind), key=_breadth):
        with contextlib.suppress(ValueError):
            return _read(one, texts)
    got = " ".join(map(repr, texts)) or "nothing"
    raise ValueError(f"expected {expected(kind)}, got {got}")


def expected(kind: Any) -> str:
    """A type in words: "a whole number such as 1000, 1e3 or 10k, or None"."""
    *others, last = [word for one in alternatives(kind) for word in _expected(one)]
    return f"{', '.join(others)} or {last}" if others else last


def metavar(kind: Any) -> str:
    """A type as help shows it: FLOAT|None, {adam,sgd}, INT [INT …]."""
    return "|".join(map(_metavar, alternatives(kind)))


def _breadth(kind: Any) -> int:
    """How much a type takes: None is no text where it may be None, and 3 no text where it may be a number."""
    return 0 if kind is type(None) else 3 if is_sequence(kind) else 2 if kind in (str, Path) else 1


def _read(kind: Any, texts: Sequence[str]) -> Any:
    if is_sequence(kind):
        items = [read(one, [text]) for one, text in zip(_item_types(kind, len(texts)), texts, strict=True)]
        return tuple(items) if get_origin(kind) is tuple else items
    (text,) = texts
    if get_origin(kind) is not Literal:
        return READERS[kind](text)
    for choice in get_args(kind):
        if str(choice) == text:
            return choice
    raise ValueError


def _item_types(kind: Any, count: int) -> Sequence[Any]:
    """The types of the items of a sequence, of which `count` are given: `tuple[int, ...]`, `tuple[int, str]`."""
    types = get_args(kind)
    return types[:1] * count if _is_uniform(kind) else types


def _expected(kind: Any) -> list[str]:
    """What one type takes, in words."""
    if get_origin(kind) is Literal:
        return [str(choice) or "''" for choice in get_args(kind)]
    if kind is bool:
        return ["true", "false"]
    if is_sequence(kind):
        types = get_args(kind)
        return [f"values: each {expected(types[0])}" if _is_uniform(kind) else f"{len(types)} values"]
    return [EXPECTED[kind]]


def _metavar(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"{{{','.join(map(str, get_args(kind)))}}}"
    if is_sequence(kind):
        types = get_args(kind)
        return f"[{metavar(types[0])} …]" if _is_uniform(kind) else " ".join(map(metavar, types))
    return METAVARS[kind]
