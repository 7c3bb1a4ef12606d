"""The answers of each task are computed again from its inputs, by the slow way."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial
from unittest.mock import ANY

import pytest
import torch
from dlplug_memory.baselines import SequenceLSTM
from dlplug_memory.tasks.copying import Copy, RepeatCopy
from dlplug_memory.tasks.graphs import Traversal
from dlplug_memory.tasks.ngrams import NGrams, beta_half, optimal_bits
from dlplug_memory.tasks.recall import Recall
from dlplug_memory.tasks.sorting import PrioritySort
from dlplug_memory.tasks.task import HeldOut, Sequences, Task, TaskOptions

from dlplug import UserError, testing

MARKS = partial(RepeatCopy, told="marks")
TASKS = [Copy, RepeatCopy, MARKS, Recall, PrioritySort, NGrams, Traversal]


def rows(batch: Sequences):
    for x, y, mask in zip(*batch, strict=True):
        assert set(mask.tolist()) <= {0.0, 1.0}
        yield x.tolist(), y.tolist(), [t for t, a in enumerate(mask.tolist()) if a]


def held_out(task: Task, size: int, count: int = 20) -> Sequences:
    return HeldOut(task, "test").sequences(size, count)


def test_copy_asks_for_the_vectors_before_the_marker():
    for x, y, mask in rows(held_out(Copy(seed=0), 7)):
        mark = next(t for t, step in enumerate(x) if step[8])
        assert mask == list(range(mark + 1, len(x)))
        assert [y[t] for t in mask] == [step[:8] for step in x[:mark]]
        assert not any(any(x[t]) for t in mask)


@pytest.mark.parametrize("told", ["number", "marks"])
@pytest.mark.parametrize(
    ("grow", "size"), [("repeats", 1), ("repeats", 4), ("repeats", 20), ("length", 3), ("length", 20)]
)
def test_repeat_copy_asks_for_the_encoded_number_of_repeats(grow, size, told):
    task = RepeatCopy(grow=grow, told=told, seed=0)
    sizes = torch.arange(1.0, 11.0)
    for x, y, mask in rows(held_out(task, size)):
        mark = next(t for t, step in enumerate(x) if step[8])
        shown = [step[9] for step in x if step[9]]
        number = round(shown[0] * sizes.std(correction=0).item() + sizes.mean().item())
        repeats = len(shown) if told == "marks" else number
        assert (size, 10 if size == 20 else ANY) == ((repeats, mark) if grow == "repeats" else (mark, repeats))
        assert len(x) <= task.steps(size)
        answers = [y[t] for t in mask]
        assert answers[:-1] == [[*step[:8], 0.0] for step in x[:mark]] * repeats
        assert answers[-1] == [0.0] * 8 + [1.0]
        assert mask == list(range(mark + 1 + len(shown), len(x)))


def test_recall_asks_for_the_item_after_the_query():
    seen = set()
    for x, y, mask in rows(held_out(Recall(bits=10, seed=0), 5, 50)):
        items, item, query = [], [], [t for t, step in enumerate(x) if step[11]]
        for step in x[: query[0]]:
            if step[10]:
                items.append(item := [])
            else:
                item.append(step[:10])
        assert len(items) == 5
        assert all(len(item) == 3 for item in items)
        shown = items.index([step[:10] for step in x[query[0] + 1 : query[1]]])
        assert [y[t] for t in mask] == items[shown + 1]
        assert mask == list(range(query[1] + 1, len(x)))
        seen.add(shown)
    assert seen == {0, 1, 2, 3}


def test_sorting_asks_for_the_highest_first():
    for x, y, mask in rows(held_out(PrioritySort(seed=0), 20)):
        vectors = sorted(x[:20], key=lambda step: -step[8])
        assert all(-1 <= step[8] <= 1 for step in x[:20])
        assert x[20] == [0.0] * 9 + [1.0]
        assert [y[t] for t in mask] == [step[:8] for step in vectors[:16]]


def test_n_grams_ask_for_the_next_bit_and_the_best_estimator_counts():
    task = NGrams(context=3, min_length=50, max_length=50, seed=0)
    batch = held_out(task, 50, 5)
    best = optimal_bits(batch, 3)
    for number, (x, y, mask) in enumerate(rows(batch)):
        assert [step[0] for step in x[1:]] == [step[0] for step in y[:-1]]
        bits, seen, total = [step[0] for step in x] + [y[-1][0]], Counter(), 0.0
        assert mask == list(range(2, 49))
        for t in range(3, 50):
            context = tuple(bits[t - 3 : t])
            ones, zeros = seen[context, 1.0], seen[context, 0.0]
            chance = (ones + 0.5) / (ones + zeros + 1)
            total -= math.log2(chance if bits[t] else 1 - chance)
            seen[context, bits[t]] += 1
        assert best[number].item() == pytest.approx(total, rel=1e-5)


def test_n_grams_follow_a_table_sampled_from_beta():
    drawn = beta_half(20_000, generator=torch.Generator().manual_seed(0))
    # mean 1/2, variance 1/8
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.01)
    assert drawn.var().item() == pytest.approx(0.125, abs=0.005)
    # what can be known of the source is less than a bit a bit
    batch = held_out(NGrams(seed=0), 200, 50)
    assert 0.4 * 195 < optimal_bits(batch, 5).mean() < 0.85 * 195


@pytest.mark.parametrize("nodes", [2, 5])
def test_graphs_ask_for_the_nodes_of_the_path(nodes):
    bits, labels = 8, 4
    for x, y, mask in rows(held_out(Traversal(seed=0), nodes)):
        edges, node = {}, None
        for t, step in enumerate(x):
            source, label, end = tuple(step[:bits]), step[bits : bits + labels], tuple(step[bits + labels : -1])
            if not step[-1]:
                edges[source, label.index(1.0)] = end
                continue
            node = source if any(source) else node
            assert not any(end)
            node = edges[node, label.index(1.0)]
            assert tuple(y[t]) == node
            assert t in mask
        assert len(edges) == 2 * nodes  # labels of one node differ
        assert all(end != source for (source, _), end in edges.items())
        assert len({source for source, _ in edges}) == nodes
        assert len(mask) == 4


@pytest.mark.parametrize("kind", TASKS)
def test_batches_are_a_function_of_seed_and_count(kind):
    data, other = kind(seed=0, options=TaskOptions(batch_size=4)), kind(seed=1, options=TaskOptions(batch_size=4))
    model = SequenceLSTM(data.spec, width=2)
    testing.check_data(data, model)
    first, second = next(kind(seed=0, options=TaskOptions(batch_size=4)).batches(model)), next(other.batches(model))
    assert first.x.shape != second.x.shape or not torch.equal(first.x, second.x)


@pytest.mark.parametrize("kind", TASKS)
def test_padding_gives_one_shape_outside_the_mask(kind):
    plain, padded = (
        kind(seed=3, options=TaskOptions(batch_size=2)),
        kind(seed=3, options=TaskOptions(batch_size=2, pad=True)),
    )
    model, shapes = SequenceLSTM(plain.spec, width=2), set()
    for _, one, other in zip(range(8), plain.batches(model), padded.batches(model), strict=False):
        steps = one.x.shape[1]
        shapes.add(other.x.shape)
        for part, longer in zip(one, other, strict=True):
            assert torch.equal(longer[:, :steps], part)
            assert not longer[:, steps:].any()
    assert len(shapes) == 1
    assert shapes.pop()[1] == plain.steps(plain.largest)


@pytest.mark.parametrize("kind", TASKS)
def test_held_out_sequences_are_the_same_for_every_run_and_not_in_training(kind):
    one, other = kind(seed=0), kind(seed=1)
    size = one.largest
    for name in ("val", "test"):
        mine, theirs = (list(data.split(name).sequences(size, 3)) for data in (one, other))
        assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))
    assert not torch.equal(one.split("val").sequences(size, 3).x, one.split("test").sequences(size, 3).x)


def test_sizes_are_uniform_and_a_curriculum_grows_them():
    data = Copy(seed=0, options=TaskOptions(batch_size=1), max_length=5)
    model = SequenceLSTM(data.spec, width=2)
    lengths = Counter((batch.x.shape[1] - 1) // 2 for _, batch in zip(range(1000), data.batches(model), strict=False))
    assert set(lengths) == {1, 2, 3, 4, 5}
    assert all(abs(count - 200) < 60 for count in lengths.values())
    grown = Copy(seed=0, min_length=2, max_length=5, options=TaskOptions(curriculum=100))
    assert [grown.largest_at(count) for count in (0, 24, 25, 50, 75, 99, 100, 10_000)] == [2, 2, 3, 4, 5, 5, 5, 5]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Copy(bits=0, seed=0), "--data.bits must be at least 1, got 0"),
        (lambda: Copy(min_length=5, max_length=4, seed=0), "the smallest first, got 5 to 4"),
        (lambda: Copy(min_length=0, seed=0), "sizes must be at least 1"),
        (lambda: Copy(options=TaskOptions(batch_size=0), seed=0), "--data.batch-size must be at least 1"),
        (lambda: RepeatCopy(min_length=0, seed=0), "lengths must be at least 1"),
        (lambda: RepeatCopy(min_repeats=0, grow="length", seed=0), "repeats must be at least 1"),
        (lambda: Recall(min_items=1, seed=0), "sizes must be at least 2"),
        (lambda: PrioritySort(share=0, seed=0), "--data.share"),
        (lambda: NGrams(context=0, seed=0), "--data.context"),
        (lambda: NGrams(min_length=4, seed=0), "sizes must be at least 6"),
        (lambda: Traversal(degree=5, seed=0), "between 1 and the 4 labels, got 5"),
        (lambda: Traversal(bits=5, max_nodes=50, seed=0), "at most 31, got 4 and 50"),
        (lambda: Traversal(bits=5, seed=0).split("test").sequences(50, 1), "50 nodes need as many names"),
    ],
)
def test_bad_options_are_one_clear_line(make, said):
    with pytest.raises(UserError, match=said):
        make()
