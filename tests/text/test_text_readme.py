"""The README's table of language models of the standard library has the recorded numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[2] / "plugins" / "text"
EQUAL_TIME = {"char-rnn": 2_250_000, "char-lstm": 3_800_000, "char-gru": 2_050_000, "char-gpt": 2_150_000}


def line(recipe: str, tokens: int) -> str:
    """A row: bits a character after 3 million characters, then the characters of equal time and the bits after them."""
    records = json.loads((PLUGIN / "results" / f"{recipe}.json").read_text(encoding="utf-8"))
    equal, timed = (records[entry]["runs"][0]["metrics"]["test/bits_per_char"] for entry in ("default", f"{tokens=}"))
    return f"| `{recipe}` | {equal:.3f} | {tokens / 1e6:.2f} million | {timed:.3f} |"


@pytest.mark.parametrize(("recipe", "tokens"), EQUAL_TIME.items())
def test_the_readme_says_what_was_recorded(recipe: str, tokens: int):
    assert line(recipe, tokens) in (PLUGIN / "README.md").read_text(encoding="utf-8").splitlines()
