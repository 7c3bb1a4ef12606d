"""From text to values: what each type of option takes, and how it is written in help."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlplug.host.signatures import REQUIRED, Option
from dlplug.options.parsing import parse
from dlplug.options.values import expected, metavar, read
from dlplug.ranges import PositiveInt, Range

COLOURS = Literal["red", "green", "1"]
finite = st.floats(allow_nan=False)
words = st.text(max_size=8)
values = {  # of each type, values that Python writes as text and that are read back
    int: st.integers(),
    float: finite,
    bool: st.booleans(),
    str: words,
    Path: words.map(Path),
    COLOURS: st.sampled_from(["red", "green", "1"]),
    int | None: st.none() | st.integers(),
    Optional[COLOURS]: st.none() | st.sampled_from(["red", "green", "1"]),  # noqa: UP045
    str | None: st.none() | words.filter(lambda word: word != "None"),
    int | Literal["auto"]: st.integers() | st.just("auto"),
    tuple[int, ...]: st.lists(st.integers(), max_size=4).map(tuple),
    tuple[int, float]: st.tuples(st.integers(), finite),
    list[str]: st.lists(words, max_size=3),
    list[float] | None: st.none() | st.lists(finite, max_size=3),
    Sequence[bool]: st.lists(st.booleans(), max_size=3),
    tuple[Annotated[int, Range(ge=0)], ...]: st.lists(st.integers(0), max_size=3).map(tuple),
}


@pytest.mark.parametrize("kind", values, ids=str)
@given(data=st.data())
def test_what_python_writes_is_read_back(kind, data):
    value = data.draw(values[kind])
    texts = [str(item) for item in value] if isinstance(value, (tuple, list)) else [str(value)]
    found = read(kind, texts)
    assert (found, type(found)) == (value, type(value))


@given(st.sampled_from([int, float, bool, COLOURS, int | None, tuple[int, ...], tuple[int, int]]), st.lists(words))
def test_a_text_is_read_or_what_was_expected_is_said(kind, texts):
    refused = ""
    try:
        read(kind, texts)
    except ValueError as error:
        refused = str(error)
    got = " ".join(map(repr, texts)) or "nothing"
    assert refused in ("", f"expected {expected(kind)}, got {got}")


@pytest.mark.parametrize(
    ("kind", "texts", "value"),
    [
        (int, ["10k"], 10_000),
        (int, ["1e6"], 10**6),
        (int, [" 1_000 "], 1000),
        (float, ["1e-3"], 0.001),
        (float, ["1_000.5"], 1000.5),
        (float, ["inf"], math.inf),
        (bool, ["ON"], True),
        (str | int, ["7"], 7),
        (float | None, ["None"], None),
        (str | None, ["none"], "none"),
        (Literal[1, 2], ["2"], 2),
        (tuple[int, ...], [], ()),
        (list[int], ["-1", "2e1"], [-1, 20]),
        (tuple[int, ...] | int, ["3"], 3),
        (tuple[int, ...] | int, ["3", "4"], (3, 4)),
        (list[str], ["--a", "-b"], ["--a", "-b"]),
        (Annotated[PositiveInt | None, "a note"], ["-3"], -3),  # ranges are checked by their own
    ],
)
def test_read(kind, texts, value):
    assert read(kind, texts) == value
    assert type(read(kind, texts)) is type(value)


@pytest.mark.parametrize(
    ("kind", "texts", "message"),
    [
        (int, ["1.5"], "expected a whole number such as 1000, 1e3 or 10k, got '1.5'"),
        (int, ["1", "2"], "expected a whole number such as 1000, 1e3 or 10k, got '1' '2'"),
        (float, ["10k"], "expected a number such as 0.1 or 1e-4, got '10k'"),
        (bool, ["1"], "expected true or false, got '1'"),
        (COLOURS, ["Red"], "expected red, green or 1, got 'Red'"),
        (float | None, ["none"], "expected a number such as 0.1 or 1e-4 or None, got 'none'"),
        (tuple[int, int], ["1"], "expected 2 values, got '1'"),
        (tuple[int, ...], ["1,2"], "expected values: each a whole number such as 1000, 1e3 or 10k, got '1,2'"),
        (int, [], "expected a whole number such as 1000, 1e3 or 10k, got nothing"),
    ],
)
def test_what_is_refused(kind, texts, message):
    with pytest.raises(ValueError, match=r"^expected ") as raised:
        read(kind, texts)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (PositiveInt, "INT"),
        (float | None, "FLOAT|None"),
        (bool, "{true,false}"),
        (Literal["a", "b"], "{a,b}"),
        (tuple[int, ...], "[INT …]"),
        (tuple[int, str], "INT STR"),
    ],
)
def test_how_help_shows_a_type(kind, shown):
    assert metavar(kind) == shown


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (int, 1e6, 10**6),
        (float, 1, 1.0),
        (str, 5, "5"),
        (bool, False, False),
        (float | None, None, None),
        (tuple[int, ...], 3, (3,)),
        (tuple[int, ...], [1, "2k"], (1, 2000)),
        (tuple[str, ...], [], ()),
        (Path, "a/b", Path("a/b")),
    ],
)
def test_values_of_yaml_and_python_are_taken_as_they_would_be_typed(kind, value, found):
    option = Option("part.name", kind, REQUIRED, "")
    assert parse([option], {"part.name": value}, "x") == {"part.name": found}


def test_a_default_is_taken_as_it_is():
    options = [Option("a", tuple[int, ...], (1, 2)), Option("b", Any, object)]
    assert parse(options, {}, "x") == {"a": (1, 2), "b": object}
