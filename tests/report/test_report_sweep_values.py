"""The values of an option that a sweep tries: lists, ranges and their types."""

from __future__ import annotations

import pytest
from dlplug_report.sweep.values import Choices, Range, spaces
from hypothesis import given
from hypothesis import strategies as st


def typed(options):
    return {key: float(value) if key == "rate" else int(float(value)) if key == "width" else value
            for key, value in options.items()}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "space"),
    [
        ("0.99,0.995", Choices(("0.99", "0.995"))),
        ("0..4", Choices(("0", "1", "2", "3", "4"))),
        ("-1..1", Choices(("-1", "0", "1"))),
        (r"a\,b,c", Choices(("a,b", "c"))),
        ("../data", Choices(("../data",))),
        ("pkg:games/Bricks-v0", Choices(("pkg:games/Bricks-v0",))),
        ("cuda:1", Choices(("cuda:1",))),
        (True, Choices((True,))),
        (["64", "32"], Choices((["64", "32"],))),
    ],
)
def test_values(text, space):
    assert spaces({"name": text}, typed) == {"name": space}


@pytest.mark.parametrize(
    ("option", "text", "space"),
    [
        ("rate", "0.9:0.999", Range(0.9, 0.999, False)),
        ("rate", "1e-5:1e-2:log", Range(1e-5, 1e-2, True)),
        ("rate", "0:1", Range(0.0, 1.0, False)),
        ("width", "16:256", Range(16, 256, False)),
        ("width", "1e1:1e3:log", Range(10, 1000, True)),
    ],
)
def test_ranges_are_of_the_options_own_type(option, text, space):
    (found,) = spaces({option: text}, typed).values()
    assert found == space
    assert type(found.low) is type(space.low)


@given(st.lists(st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1), min_size=1, unique=True))
def test_any_values_can_be_written(values):
    written = ",".join(value.replace(",", r"\,") for value in values)
    if any(value.endswith("\\") for value in values) or ":" in written or ".." in written:
        return
    assert spaces({"name": written}, typed) == {"name": Choices(tuple(values))}
