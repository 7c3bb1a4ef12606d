"""Losses and metrics against loops over every bit, and networks with known errors."""

from __future__ import annotations

import logging
import math
from typing import Any

import pytest
import torch
from dlplug_memory.cells.recurrent import Snapshot
from dlplug_memory.drawing import Trace, sequence_figure, used_slots
from dlplug_memory.losses import bit_cross_entropy, word_cross_entropy
from dlplug_memory.metrics import answers, generalisation, score
from dlplug_memory.ntm.model import NTM
from dlplug_memory.samplers import memory
from dlplug_memory.tasks.copying import Copy
from dlplug_memory.tasks.ngrams import NGrams, optimal_bits, optimum
from dlplug_memory.tasks.task import Sequences
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from dlplug import Image, UserError, testing


class Answers(nn.Module):
    """Gives the same logits for any input."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits


def bits_batch() -> tuple[Tensor, Sequences]:
    generator = torch.Generator().manual_seed(0)
    mask = torch.tensor([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
    y = torch.randint(0, 2, (2, 4, 3), generator=generator).float()
    return torch.randn(2, 4, 3, generator=generator), Sequences(torch.zeros(2, 4, 5), y, mask)


def test_bits_one_by_one():
    logits, batch = bits_batch()
    (update,) = testing.check_loss(bit_cross_entropy(Answers(logits)), batch)
    nats, wrong = [0.0, 0.0], [0, 0]
    for b in range(2):
        for t in range(4):
            for i in range(3):
                if batch.mask[b, t]:
                    p = 1 / (1 + math.exp(-logits[b, t, i]))
                    nats[b] -= math.log(p if batch.y[b, t, i] else 1 - p)
                    wrong[b] += (p > 0.5) != bool(batch.y[b, t, i])
    assert update.loss.item() == pytest.approx(sum(nats) / 12, rel=1e-5)
    assert update.values["bits_per_sequence"].item() == pytest.approx(sum(nats) / 2 / math.log(2), rel=1e-5)
    assert update.values["bit_error"].item() == pytest.approx(sum(wrong) / 12)
    bits, mistakes, mask = score(logits, batch)
    assert bits.tolist() == pytest.approx([n / math.log(2) for n in nats], rel=1e-5)
    assert mistakes.tolist() == wrong
    assert mask.tolist() == [6, 6]


def test_words_one_by_one():
    logits, batch = bits_batch()
    batch = batch._replace(y=torch.tensor([[0, 1, 2, 0], [1, 0, 2, 1]]))
    (update,) = testing.check_loss(word_cross_entropy(Answers(logits)), batch)
    nats, wrong = 0.0, 0
    for b in range(2):
        for t in range(4):
            if batch.mask[b, t]:
                powers = [math.exp(value) for value in logits[b, t].tolist()]
                nats -= math.log(powers[int(batch.y[b, t])] / sum(powers))
                wrong += powers.index(max(powers)) != int(batch.y[b, t])
    assert update.loss.item() == pytest.approx(nats / 4, rel=1e-5)
    assert update.values["word_error"].item() == pytest.approx(wrong / 4)


def test_outside_the_mask_there_is_no_gradient():
    logits, batch = bits_batch()
    model = Answers(logits)
    (update,) = bit_cross_entropy(model).updates(batch)
    update.loss.backward()
    assert model.logits.grad is not None
    assert torch.equal(model.logits.grad.any(2), batch.mask > 0)


class Copier(nn.Module):
    """Copies without learning, except for the last `wrong` vectors of a long sequence."""

    def __init__(self, wrong: int = 0) -> None:
        super().__init__()
        self.weight, self.wrong = nn.Parameter(torch.zeros(1)), wrong

    def forward(self, x: Tensor) -> Tensor:
        length = (x.shape[1] - 1) // 2
        logits = torch.zeros(*x.shape[:2], 8)
        logits[:, length + 1 :] = 40 * x[:, :length, :8] - 20
        if length > 20 and self.wrong:
            logits[:, -self.wrong :] *= -1
        return logits


def test_a_copier_has_perfect_metrics():
    data = Copy(seed=0).split("test")
    assert answers(Copier(), data) == pytest.approx({"bits_per_sequence": 0, "bit_error": 0, "solved": 1}, abs=1e-4)
    assert all(
        value == pytest.approx(float(name.startswith("solved")), abs=1e-3)
        for name, value in generalisation(Copier(), data).items()
    )


def test_errors_beyond_the_training_lengths_are_measured_there_alone():
    data = Copy(seed=0).split("test")
    assert answers(Copier(wrong=3), data)["solved"] == 1
    longer = generalisation(Copier(wrong=3), data)
    for times in (2, 4, 6):
        assert longer[f"bit_error_x{times}"] == pytest.approx(3 / (20 * times))
        assert longer[f"solved_x{times}"] == 0


@torch.no_grad()
def test_a_coin_flip_has_the_entropy_of_the_sequence():
    data = Copy(seed=0, min_length=4, max_length=4).split("test")
    model = nn.Linear(9, 8)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    assert answers(model, data)["bits_per_sequence"] == pytest.approx(32)


def test_the_optimum_of_n_grams_is_the_estimator_s():
    data = NGrams(seed=0, min_length=40, max_length=40).split("test")
    expected = optimal_bits(data.sequences(40, 10), 5).mean().item()
    assert optimum(None, data, count=10)["optimal_bits_per_sequence"] == pytest.approx(expected)


@torch.no_grad()
def test_a_sequence_longer_than_the_memory_is_warned_about_and_measured(caplog):
    data = Copy(seed=0, max_length=4).split("test")
    model = NTM(data.task.spec, slots=16, word=4, width=8)
    with caplog.at_level(logging.WARNING):
        values = generalisation(model, data, count=2)
        assert values == generalisation(model, data, count=2)
    said = "6 times the length: 24 vectors must be remembered at once, but the memory has 16 slots, 8 too few"
    assert caplog.text.count(said) == 1
    assert "4 times" not in caplog.text
    assert len(values) == 9
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        made = memory(model, data, length=17)
    assert "17 vectors" in caplog.text
    assert isinstance(made["memory"], Image)


@torch.no_grad()
def test_a_sequence_figure_counts_its_errors():
    data = Copy(seed=0).split("test")
    made = memory(Copier(wrong=3), data, length=30)
    assert made["error"] == pytest.approx(0.1)
    assert made["memory"].pixels.std() > 10
    with pytest.raises(UserError, match="--length and --number must be at least 0"):
        memory(Copier(), data, length=-1)


@given(st.sets(st.integers(0, 8), min_size=1), st.integers(1, 3))
def test_a_figure_shows_the_shortest_run_of_slots_with_every_used_one(slots: set[int], steps: int):
    weights = torch.zeros(1, 9)
    weights[0, sorted(slots)] = 0.5
    nothing = torch.zeros(1, 9)
    snapshots = [Snapshot(torch.zeros(9, 2), nothing, nothing, None)] * steps + [
        Snapshot(torch.zeros(9, 2), nothing, weights, None)
    ]
    row = used_slots(snapshots)
    assert row == list(range(row[0], row[0] + len(row)))
    assert slots <= {slot % 9 for slot in row}
    shortest = min(
        length for length in range(1, 10) for first in range(9) if slots <= {(first + n) % 9 for n in range(length)}
    )
    assert len(row) == shortest
    assert -9 < row[0] <= row[-1] < 9


@torch.no_grad()
def test_weights_spread_over_many_slots_are_visible(monkeypatch: pytest.MonkeyPatch):
    drawn: list[Any] = []
    monkeypatch.setattr("dlplug_memory.drawing.to_image", lambda figure, caption: drawn.append(figure))
    even, nothing = torch.full((1, 100), 0.01), torch.zeros(3, 1)
    snapshots = [Snapshot(torch.zeros(100, 2), even, even, None)] * 3
    sequence_figure(Trace(torch.zeros(3, 2), nothing, nothing, snapshots), "")
    read = next(axes for axes in drawn[0].axes if axes.get_ylabel().startswith("read"))
    assert read.images[0].norm.vmax == pytest.approx(0.01)
    assert sum(read.images[0].to_rgba(0.0)[:3]) > 2.7
