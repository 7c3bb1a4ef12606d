"""The random draws of the board games: hashes of an episode's key, the step and the purpose."""

from __future__ import annotations

import numpy as np
from dlplug_envs.boards import draw, splitmix64
from hypothesis import given
from hypothesis import strategies as st


def test_splitmix64_gives_the_published_numbers() -> None:
    """The first five of seed 1234567, as on Rosetta Code's page on SplitMix64."""
    golden = 0x9E3779B97F4A7C15
    numbers = [splitmix64((1234567 + count * golden) % 2**64) for count in range(1, 6)]
    assert numbers == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@given(
    keys=st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=5),
    elapsed=st.integers(0, 10**6),
    purpose=st.integers(0, 7),
    below=st.integers(1, 1000),
)
def test_draws_of_arrays_are_those_of_integers(keys: list[int], elapsed: int, purpose: int, below: int) -> None:
    one_by_one = [draw(below, key, elapsed, purpose) for key in keys]
    together = draw(below, np.array(keys, dtype=np.uint64), np.full(len(keys), elapsed, dtype=np.uint64), purpose)
    assert together.tolist() == one_by_one
    assert all(0 <= number < below for number in one_by_one)


def test_draws_are_even_and_independent_of_each_other() -> None:
    """Over steps and over purposes of one episode, and over episodes."""
    steps, key = np.arange(60_000, dtype=np.uint64), np.uint64(2**52 + 12345)
    keys = np.random.default_rng(0).integers(2**53, size=60_000).astype(np.uint64)
    one, two = (draw(6, np.full_like(steps, key), steps, purpose) for purpose in (0, 1))
    pairs = [
        (one, two),
        (one[:-1], one[1:]),
        (draw(6, keys, np.zeros_like(steps), 3), draw(6, keys, np.ones_like(steps), 3)),
    ]
    for a, b in pairs:
        counts = np.bincount((a * np.uint64(6) + b).astype(np.int64), minlength=36)
        expected = len(a) / 36
        chi_squared = ((counts - expected) ** 2 / expected).sum()
        assert chi_squared < 66.6  # 35 degrees of freedom: one in a thousand is larger
