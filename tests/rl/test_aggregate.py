"""The aggregates, beside their definitions in plain loops and beside SciPy's trimmed mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dlplug_rl.scores.aggregate import interquartile_mean, interval, mean, median, resampled
from dlplug_rl.scores.human import SCORES, human_normalised
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import trim_mean

finite = st.floats(-1e3, 1e3)
a_game = st.lists(finite, min_size=1, max_size=7).map(np.array)
some_games = st.lists(a_game, min_size=1, max_size=6)


def naive_interquartile_mean(games):
    runs = sorted(float(score) for game in games for score in game)
    left_out = math.floor(len(runs) / 4)
    kept = runs[left_out : len(runs) - left_out]
    return sum(kept) / len(kept)


def naive_median(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


@given(some_games)
def test_the_statistics_are_their_definitions(games):
    of_games = [sum(map(float, game)) / len(game) for game in games]
    close = {"rel": 1e-9, "abs": 1e-9}
    assert mean(games) == pytest.approx(sum(of_games) / len(of_games), **close)
    assert median(games) == pytest.approx(naive_median(of_games), **close)
    assert interquartile_mean(games) == pytest.approx(naive_interquartile_mean(games), **close)
    assert interquartile_mean(games) == pytest.approx(trim_mean(np.concatenate(games), 0.25), **close)


def test_a_case_by_hand():
    games = [np.array([0.0, 1.0, 2.0]), np.array([100.0, 3.0, 4.0, -50.0, 5.0])]
    assert interquartile_mean(games) == (1 + 2 + 3 + 4) / 4
    assert mean(games) == (1 + 62 / 5) / 2
    assert interquartile_mean([np.array([1.0, 2.0, 6.0])]) == 3, "of three runs none is left out"
    assert interquartile_mean([np.array([1.0, 2.0, 3.0, 40.0])]) == 2.5


@given(some_games, st.integers(0, 5))
def test_each_point_of_a_curve_is_aggregated_alone(games, seed):
    shift = np.random.default_rng(seed).normal(size=(3, 1))
    curves = [game + shift for game in games]
    for statistic in (mean, median, interquartile_mean):
        points = [statistic([curve[point] for curve in curves]) for point in range(3)]
        assert statistic(curves) == pytest.approx(points)


@settings(deadline=None, max_examples=30)
@given(some_games, st.integers(0, 100))
def test_the_bootstrap_draws_each_games_runs_from_that_game(games, seed):
    drawn = resampled(games, 40, seed)
    assert [sample.shape for sample in drawn] == [(40, len(game)) for game in games]
    for sample, game in zip(drawn, games, strict=True):
        assert np.isin(sample, game).all()


def test_every_run_is_drawn_equally_often_and_independently():
    game = np.arange(4.0)
    first, second = resampled([game, game], 20_000, 0)
    for sample in (first, second):
        for place in range(4):
            shares = np.bincount(sample[:, place].astype(int), minlength=4) / 20_000
            assert shares == pytest.approx(0.25, abs=0.015)
    assert abs(np.corrcoef(first[:, 0], first[:, 1])[0, 1]) < 0.03
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.03, "games are drawn apart"


@pytest.mark.parametrize("statistic", [mean, median, interquartile_mean])
def test_the_interval_is_that_of_a_loop_over_the_resamplings(statistic):
    games = [np.array([1.0, 5.0, 2.0]), np.array([0.0, 0.5, 9.0, 3.0])]
    drawn = resampled(games, 500, 7)
    values = sorted(float(statistic([sample[i] for sample in drawn])) for i in range(500))
    low, high = interval(statistic, games, repetitions=500, seed=7)

    def between(share: float) -> float:  # linear between neighbours, as percentiles are
        place = share * 499
        below = math.floor(place)
        return values[below] + (place - below) * (values[min(below + 1, 499)] - values[below])

    assert low == pytest.approx(between(0.025))
    assert high == pytest.approx(between(0.975))
    assert low <= statistic(games) <= high
    assert (low, high) == interval(statistic, games, repetitions=500, seed=7), "seeded"


def test_the_interval_covers_what_it_should():
    """Of 300 experiments of three games with 20 runs each, about 95 % cover the true mean (fewer, by theory, for the
    percentile interval of a small sample)."""
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(300):
        games = [generator.normal(centre, 1 + centre, 20) for centre in (0.0, 1.0, 2.0)]
        low, high = interval(mean, games, repetitions=400, seed=trial)
        covered += low <= 1.0 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_scores_that_do_not_vary_have_no_spread():
    games = [np.full(5, 2.0), np.full(3, 4.0)]
    low, high = interval(mean, games)
    assert low == high == 3.0


# Human scores


def test_the_table_is_the_published_one():
    assert len(SCORES) == 57
    assert list(SCORES) == sorted(SCORES)
    published = {
        "pong": (-20.7, 14.6),
        "breakout": (1.7, 30.5),
        "space_invaders": (148.0, 1668.7),
        "beam_rider": (363.9, 16926.5),
        "qbert": (163.9, 13455.0),
        "ms_pacman": (307.3, 6951.6),
        "seaquest": (68.4, 42054.7),
    }
    assert {game: SCORES[game] for game in published} == published
    assert all(random < human for random, human in SCORES.values())


def test_human_normalised_is_0_for_random_play_and_1_for_the_human():
    for game, (random, human) in SCORES.items():
        assert human_normalised(game, random) == 0
        assert human_normalised(game, human) == pytest.approx(1)
    assert human_normalised("tetris", 100) is None
