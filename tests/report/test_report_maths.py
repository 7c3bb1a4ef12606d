"""Thinning, bands and groups against the slow, obvious way."""

from __future__ import annotations

import statistics
from itertools import pairwise

import numpy as np
import pytest
from dlplug_report.page.curves import FEWEST, PALETTE, colour, figures, packed
from dlplug_report.page.facts import Facts
from dlplug_report.page.groups import differing, grouped, ranked, shared_target
from dlplug_report.page.media import spread
from dlplug_report.page.thinning import band, summary, thin
from folders import a_run, lines_of
from hypothesis import given
from hypothesis import strategies as st

from dlplug import Target
from dlplug.runs.reader import read_run

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300).map(np.array)


@given(values, st.integers(4, 60))
def test_thinning_keeps_the_ends_and_the_extremes_within_the_limit(value, limit):
    kept = thin(value, limit)
    assert len(kept) <= limit
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert kept[0] == 0
    assert kept[-1] == len(value) - 1
    assert value[kept].min() == value.min()
    assert value[kept].max() == value.max()
    if len(value) <= limit:
        assert len(kept) == len(value)


def test_every_spike_of_a_long_curve_survives():
    value = np.zeros(10_000)
    spikes = [17, 2_000, 5_555, 9_998]
    value[spikes] = [5, -3, 8, 2]
    assert set(spikes) <= set(thin(value, 100).tolist())


def test_a_limit_that_cannot_hold_a_curve_is_refused():
    with pytest.raises(ValueError, match="at least 4 points"):
        thin(np.zeros(9), 3)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12))
def test_the_middle_of_seeds_is_the_mean_of_the_middle_half(seeds):
    middle, low, high = summary(np.array(seeds))
    if len(seeds) < 4:
        assert middle == pytest.approx(statistics.fmean(seeds))
        assert (low, high) == (min(seeds), max(seeds))
    else:
        left = sorted(seeds)
        for _ in range(len(seeds) // 4):
            left = left[1:-1]
        assert middle == pytest.approx(statistics.fmean(left), abs=1e-9)
        quarters = statistics.quantiles(seeds, n=4, method="inclusive")
        assert (low, high) == pytest.approx((quarters[0], quarters[2]), abs=1e-9)


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 20), st.floats(-9, 9)), min_size=1, max_size=9), min_size=1, max_size=5)
)
def test_a_band_is_the_seeds_summary_at_each_point_where_they_have_been(seeds):
    curves = [tuple(map(np.array, zip(*sorted(dict(seed).items()), strict=True))) for seed in seeds]
    drawn = band(curves)
    xs = sorted({int(x) for seed in seeds for x, _ in seed})
    expected = []
    for x in xs:
        there = [between(sorted(dict(seed).items()), x) for seed in seeds]
        there = [value for value in there if value is not None]
        expected.append((x, *summary(np.array(there)), len(there)))
    assert np.allclose(np.stack(drawn, axis=1), np.array(expected))


def between(points, x):
    """The line through the points at x; None before the first and after the last."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[0][1] if x == points[0][0] else None


def test_long_seeds_share_a_grid_over_all_that_they_saw():
    x = np.arange(1000.0)
    drawn = band([(x, x), (x[:500], x[:500] + 1)], points=100)
    assert len(drawn.x) == 100
    assert (drawn.x[0], drawn.x[-1]) == (0, 999)
    assert drawn.seeds.tolist() == [2.0 if at <= 499 else 1.0 for at in drawn.x]
    assert np.allclose(drawn.low, drawn.x)


def test_packed_numbers_unpack():
    import base64

    assert np.frombuffer(base64.b64decode(packed(np.array([1.5, -2, 1e7]))), "<f4").tolist() == [1.5, -2, 1e7]


def test_colours_are_all_different():
    assert len({colour(number) for number in range(120)}) == 120
    assert colour(0) == PALETTE[0]


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 2) | st.lists(st.integers(0, 1))), min_size=1))
def test_options_differ_where_two_configurations_do(configs):
    found = differing(configs)
    for key in "abc":
        told = [config.get(key, "absent") for config in configs]
        assert (key in found) == any(value != told[0] for value in told)


def of(records, target=None):
    targets = [target] if target else []
    return grouped(records, [Facts("", "", targets, targets, (), (), "", "") for _ in records])


def runs(tmp_path):
    """Two values of gamma with two seeds each, a third with one, whose numbers are the seed plus ten gammas."""
    made = []
    for gamma, seed in ((0.9, 0), (0.9, 1), (0.5, 0), (0.5, 1), (0.7, 5)):
        config = {"loss.gamma": gamma, "data.n": 3, "console.show": f"{seed}"}
        folder = a_run(
            tmp_path / f"{gamma}-{seed}",
            config,
            seed=seed,
            lines=lines_of(4),
            metrics={"eval/return": seed + 10 * gamma},
        )
        made.append(read_run(folder))
    return made


def test_runs_are_grouped_by_all_but_the_seed_and_what_only_watches(tmp_path):
    groups = of(runs(tmp_path))
    assert [[view.record.seed for view in group.runs] for group in groups] == [[0, 1], [0, 1], [5]]
    assert [group.options for group in groups] == [{"loss.gamma": 0.9}, {"loss.gamma": 0.5}, {"loss.gamma": 0.7}]
    assert [group.label for group in groups] == ["loss.gamma 0.9", "loss.gamma 0.5", "loss.gamma 0.7"]
    assert [view.label for view in groups[0].runs] == ["loss.gamma 0.9, seed 0", "loss.gamma 0.9, seed 1"]


@pytest.mark.parametrize(("bound", "order"), [("at_least", [0.7, 0.9, 0.5]), ("at_most", [0.5, 0.9, 0.7])])
def test_groups_are_sorted_by_the_target(tmp_path, bound, order):
    target = Target("eval/return", "thirty games", "a paper", **{bound: 7.0})
    groups = ranked(of(runs(tmp_path), target), target)
    assert [group.options["loss.gamma"] for group in groups] == order
    assert [group.number for group in groups] == [0, 1, 2]
    middle, low, high, seeds = groups[1].estimate("eval/return")
    assert (middle, low, high, seeds) == (9.5, 9.0, 10.0, 2)


def test_runs_without_the_number_come_last_and_the_target_of_the_most_is_chosen(tmp_path):
    records = [read_run(a_run(tmp_path / "none")), *runs(tmp_path)]
    target = Target("eval/return", "", "", at_most=7.0)
    groups = of(records, target)
    assert shared_target([view for group in groups for view in group.runs]) == target
    assert ranked(groups, target)[-1].runs[0].record.folder.name == "none"


def test_runs_of_one_seed_are_told_apart_by_their_folders(tmp_path):
    groups = of([read_run(a_run(tmp_path / name)) for name in ("one", "two")])
    assert [view.label for view in groups[0].runs] == ["dqn-catch, one", "dqn-catch, two"]


def test_figures_have_a_curve_for_each_run_and_a_band_for_each_group_of_seeds(tmp_path):
    drawn = figures(of(runs(tmp_path)), ["train/return", "eval/return"])
    assert [figure["name"] for figure in drawn] == ["train/return", "train/loss"], "what has one value has no curve"
    assert [len(figure["curves"]) for figure in drawn] == [5, 5]
    assert [[one["group"] for one in figure["bands"]] for figure in drawn] == [[0, 1], [0, 1]]
    assert set(drawn[0]["curves"][0]["x"]) == {"step", "seconds", "count"}


def test_long_curves_are_thinned_and_never_below_the_fewest(tmp_path):
    record = read_run(a_run(tmp_path / "a", lines=lines_of(3000)))
    for count in (1, 600):
        groups = of([record] * count)
        sizes = {len(one["y"]) * 3 // 16 for figure in figures(groups, []) for one in figure["curves"]}
        assert min(sizes) >= FEWEST * 0.4
        assert max(sizes) <= (2000 if count == 1 else FEWEST)


@given(st.integers(0, 50), st.integers(2, 9))
def test_media_are_spread_over_training_with_the_first_and_the_last(there, count):
    chosen = spread(list(range(there)), count)
    assert len(chosen) == min(there, count)
    assert chosen == sorted(set(chosen))
    assert not chosen or (chosen[0], chosen[-1]) == (0, there - 1)
