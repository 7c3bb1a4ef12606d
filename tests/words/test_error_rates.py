"""Edit distances against a brute-force recursion, and the rates that they make."""

from __future__ import annotations

import math
from functools import cache

import pytest
from dlplug_words.error_rates import ErrorCount, character_errors, edit_distance, word_errors
from hypothesis import given
from hypothesis import strategies as st

WORD = st.text("abc", max_size=6)


def by_recursion(one: str, other: str) -> int:
    @cache
    def edits(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(edits(i - 1, j) + 1, edits(i, j - 1) + 1, edits(i - 1, j - 1) + (one[i - 1] != other[j - 1]))

    return edits(len(one), len(other))


@given(WORD, WORD)
def test_the_distance_is_the_recursion_s(one: str, other: str):
    assert edit_distance(one, other) == by_recursion(one, other)


@given(WORD, WORD, WORD)
def test_the_distance_is_a_metric_between_its_bounds(one: str, other: str, third: str):
    distance = edit_distance(one, other)
    assert distance == edit_distance(other, one)
    assert (distance == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance <= max(len(one), len(other))
    assert distance <= edit_distance(one, third) + edit_distance(third, other)


def test_the_distance_is_of_any_symbols():
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance([3, 1, 2], (1, 2, 2)) == 2
    assert edit_distance([], ["a", "b"]) == 2


def test_rates_are_of_sums_over_the_batch():
    found, right = ["the cat sat", "a dog", ""], ["the cat sat down", "a dog", "no"]
    assert word_errors(found, right) == ErrorCount(errors=2, length=7)
    assert word_errors(found, right).rate == pytest.approx(2 / 7)
    assert character_errors(["hallo welt"], ["hello world"]) == ErrorCount(errors=4, length=11)
    assert word_errors(["a b c d"], ["x"]).rate == 4.0


def test_white_space_separates_words_and_is_a_character():
    assert word_errors(["two  words "], ["two words"]).errors == 0
    assert character_errors(["two  words "], ["two words"]).errors == 2


def test_empty_references_have_a_rate():
    assert word_errors([], []).rate == 0.0
    assert word_errors(["noise"], [""]).rate == math.inf


def test_as_many_hypotheses_as_references():
    with pytest.raises(ValueError):
        word_errors(["one"], ["one", "two"])
