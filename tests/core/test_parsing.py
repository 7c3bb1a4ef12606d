"""Whole numbers and yes or no, as people write them."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlplug.options.values import parse_bool, parse_int


def slow_int(text: str) -> int:
    """By hand: the digits shifted by the exponent and the suffix."""
    factor = {"k": 3, "m": 6, "b": 9}.get(text[-1].lower(), 0)
    digits, _, exponent = text.rstrip("kKmMbB").lower().replace("_", "").partition("e")
    whole, _, fraction = digits.partition(".")
    shift = int(exponent or 0) + factor - len(fraction)
    number = int(whole + fraction)
    if shift >= 0:
        return number * 10**shift
    if number % 10**-shift:
        raise ValueError(text)
    return number // 10**-shift


numbers = st.from_regex(
    re.compile(r"[+-]?[0-9]{1,25}(_[0-9]{1,3})?(\.[0-9]{0,8})?(e[+-]?[0-9]{1,2})?[kKmMbB]?", re.ASCII), fullmatch=True
)


@settings(deadline=None)
@given(numbers)
@example("10k")
@example("1M")
@example("1e6")
@example("1_000")
@example("1.001k")
@example("9007199254740993k")
@example("1.5")
@example("2.50e1")
def test_parse_int_is_exact(text):
    try:
        expected = slow_int(text)
    except ValueError:
        with pytest.raises(ValueError, match="expected a whole number"):
            parse_int(text)
    else:
        assert parse_int(text) == expected
        assert parse_int(f" {text} ") == expected


@given(st.integers())
def test_parse_int_reads_what_python_writes(number):
    assert parse_int(str(number)) == parse_int(f"{number:_}") == number
    assert parse_int(f"{Decimal(number):f}") == number


@pytest.mark.parametrize(
    "text", ["", "k", "1kk", "1 000", "ten", "1e", "1_", "__1", "0x10", "1e400", "inf", "nan", "1.2.3"]
)
def test_parse_int_refuses(text):
    with pytest.raises(ValueError, match="expected a whole number such as 1000, 1e3 or 10k"):
        parse_int(text)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("Yes", True), ("ON", True), ("no", False), ("off", False)]
)
def test_parse_bool(text, value):
    assert parse_bool(text) is value
