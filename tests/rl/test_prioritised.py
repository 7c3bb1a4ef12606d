"""Prioritised replay: the tree of sums against plain sums, and what is drawn against a naive list of episodes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from dlplug_rl.replay.prioritised import LEAST
from dlplug_rl.replay.sum_tree import SumTree
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import CPU, Naive, check, histories, play, prioritised_ring_of, same, sample

WEIGHTS = st.one_of(st.just(0.0), st.floats(1e-9, 1e6))


@settings(max_examples=100, deadline=None)
@given(size=st.sampled_from([1, 2, 63, 64, 65, 4096, 4097, 9000]), data=st.data())
def test_a_leaf_is_found_where_the_running_sum_says(size: int, data: st.DataObject) -> None:
    tree, plain = SumTree(size), np.zeros(size)
    for _ in range(data.draw(st.integers(1, 4))):
        leaves = np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=40)))
        weights = np.array(data.draw(st.lists(WEIGHTS, min_size=len(leaves), max_size=len(leaves))))
        tree.set(leaves, weights)
        for leaf, weight in zip(leaves, weights, strict=True):
            plain[leaf] = weight
    assert tree.leaves.tolist() == plain.tolist()
    assert tree.total == pytest.approx(plain.sum())
    if not plain.any():
        return
    parts = np.array(data.draw(st.lists(st.floats(0, 1), min_size=1, max_size=20)))
    found = tree.find(parts * tree.total)
    reached = np.cumsum(plain)
    for part, leaf in zip(parts, found, strict=True):
        assert plain[leaf] > 0
        slack = 1e-9 * plain.sum()
        assert reached[leaf] - plain[leaf] - slack <= part * plain.sum() <= reached[leaf] + slack


def test_leaves_are_found_in_proportion_to_their_weights() -> None:
    tree = SumTree(200)
    tree.set(np.array([3, 70, 199]), np.array([1.0, 2.0, 5.0]))
    found = tree.find(np.random.default_rng(0).random(80_000) * tree.total)
    counts = np.bincount(found, minlength=200)[[3, 70, 199]]
    assert counts.sum() == 80_000
    assert counts / 10_000 == pytest.approx([1, 2, 5], rel=0.05)


@settings(max_examples=100, deadline=None)
@given(
    lanes=st.integers(1, 3),
    slots=st.integers(18, 30),
    stack=st.integers(1, 4),
    n_step=st.integers(1, 3),
    data=st.data(),
)
def test_exactly_the_transitions_that_are_whole_can_be_drawn(
    lanes: int, slots: int, stack: int, n_step: int, data: st.DataObject
) -> None:
    ring, naive = prioritised_ring_of(lanes, slots, stack, n_step), Naive(lanes, stack)
    steps = data.draw(histories(lanes))
    play(ring, naive, steps)
    check(ring, naive)
    written = len(steps) + 1
    oldest = written - slots + stack - 1 if written > slots else 0
    times = {name: (name - 1) // lanes for name in naive.transitions(n_step)}
    whole = {name for name, time in times.items() if oldest <= time < written - n_step}
    assert np.count_nonzero(ring.tree.leaves) == len(whole)


def test_what_surprised_is_drawn_in_proportion_and_weighed_by_its_probability() -> None:
    ring, naive = prioritised_ring_of(lanes=1, slots=40, stack=1, n_step=1, exponent=0.5), Naive(1, 1)
    play(ring, naive, [["go"]] * 20)
    for _ in range(40):  # every one of the 20 transitions gets a TD error: the frame it begins with
        batch = sample(ring, 16)
        batch.update_priorities(batch.obs[:, -1].float() ** 2)
    ring.write_priorities()
    priorities = {name: (name**2 + LEAST) ** 0.5 for name in range(1, 21)}
    leaves = ring.tree.leaves[:20]
    assert leaves.tolist() == pytest.approx(list(priorities.values()))
    ring.importance = 0.6
    counts = dict.fromkeys(priorities, 0)
    for batch in ring.draw(2_000, 16, CPU):
        names = batch.obs[:, -1].tolist()
        weights = [(20 * priorities[name] / sum(priorities.values())) ** -0.6 for name in names]
        assert batch.weight.tolist() == pytest.approx([weight / max(weights) for weight in weights], rel=1e-5)
        for name in names:
            counts[name] += 1
    expected = [32_000 * priority / sum(priorities.values()) for priority in priorities.values()]
    assert list(counts.values()) == pytest.approx(expected, rel=0.15)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), count=st.integers(1, 5), size=st.integers(1, 6), saved=st.booleans())
def test_priorities_after_a_draw_are_those_of_a_naive_table(
    data: st.DataObject, count: int, size: int, saved: bool
) -> None:
    """Told for some batches of a draw and not for others; saved, or not, in the middle of it."""
    ring, naive = prioritised_ring_of(lanes=1, slots=40, stack=1, n_step=1), Naive(1, 1)
    start = play(ring, naive, [["go"]] * 8)
    table = dict.fromkeys(range(1, 9), 1.0)  # by the name of a transition's first frame, its priority ** exponent
    errors = st.sampled_from([0.0, 0.25, 4.0, float("nan"), float("inf")])
    for _ in range(2):
        before, ring.importance = dict(table), 0.7
        for batch in ring.draw(count, size, CPU):
            names = batch.obs[:, 0].tolist()
            weights = [before[name] ** -0.7 for name in names]  # of the draw's priorities, and of this batch's largest
            assert batch.weight.tolist() == pytest.approx([weight / max(weights) for weight in weights], rel=1e-5)
            td_error = data.draw(st.none() | st.lists(errors, min_size=size, max_size=size))
            if td_error is None:
                continue
            batch.update_priorities(torch.tensor(td_error))
            for name, error in zip(names, td_error, strict=True):
                if np.isfinite(error):
                    table[name] = (error + LEAST) ** 0.5
            if saved:
                state = ring.state_dict()
                assert state["weights"][:8].tolist() == pytest.approx(list(table.values()))
                assert state["largest"] >= state["weights"].max()
    play(ring, naive, [["go"]], start)
    assert ring.tree.leaves[:8].tolist() == pytest.approx(list(table.values()))


def test_new_transitions_are_as_likely_as_the_most_surprising() -> None:
    ring, naive = prioritised_ring_of(lanes=1, slots=60, stack=1, n_step=1), Naive(1, 1)
    start = play(ring, naive, [["go"]] * 10)
    batch = sample(ring, 8)
    batch.update_priorities(torch.full((8,), 25.0))
    play(ring, naive, [["go"]] * 5, start)
    assert ring.tree.leaves.max() == pytest.approx(5.0, rel=1e-4)
    assert ring.tree.leaves[15] == pytest.approx(5.0, rel=1e-4)


def test_a_loss_that_tells_nothing_or_nan_leaves_the_priorities() -> None:
    ring, naive = prioritised_ring_of(), Naive(2, 4)
    play(ring, naive, [["go", "go"]] * 15)
    before = ring.tree.leaves.copy()
    for told in (None, torch.full((8,), torch.nan)):
        batch = sample(ring, 8)
        if told is not None:
            batch.update_priorities(told)
    ring.write_priorities()
    assert ring.tree.leaves.tolist() == before.tolist()


def test_a_prioritised_replay_restored_in_the_middle_of_a_draw_draws_as_the_saved_one() -> None:
    ring, naive = prioritised_ring_of(seed=3), Naive(2, 4)
    play(ring, naive, [["go", "stop" if i % 7 == 3 else "go"] for i in range(60)])
    before = ring.tree.leaves.copy()
    for batch in itertools.islice(ring.draw(4, 8, CPU), 3):
        batch.update_priorities(batch.obs[:, -1].float())
    saved = ring.state_dict()
    assert np.count_nonzero(saved["weights"].numpy() != before) > 8  # told by more than one batch
    copy = prioritised_ring_of(seed=4)
    copy.load_state_dict({k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in saved.items()})
    copy.place(CPU)
    assert copy.tree.total == pytest.approx(ring.tree.total)
    for mine, theirs in zip(copy.draw(2, 16, CPU), ring.draw(2, 16, CPU), strict=True):
        assert same(mine, theirs)
