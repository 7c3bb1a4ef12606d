"""The ring of single frames against a naive list of episodes that keeps whole stacks."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from dlplug_rl.replay import buffer as replay
from dlplug_rl.replay import memory
from dlplug_rl.replay.buffer import Replay
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import CPU, GAMMA, Naive, check, histories, play, ring_of, same, sample

from dlplug.errors import UserError


@settings(max_examples=150, deadline=None)
@given(
    lanes=st.integers(1, 3),
    slots=st.integers(18, 30),
    stack=st.integers(1, 4),
    n_step=st.integers(1, 3),
    data=st.data(),
)
def test_sampled_transitions_are_those_of_a_naive_list_of_episodes(
    lanes: int, slots: int, stack: int, n_step: int, data: st.DataObject
) -> None:
    ring, naive = ring_of(lanes, slots, stack, n_step), Naive(lanes, stack)
    play(ring, naive, data.draw(histories(lanes)))
    check(ring, naive)


def test_every_transition_that_the_ring_holds_whole_is_drawn_about_equally_often() -> None:
    ring, naive = ring_of(lanes=2, slots=30, stack=4, n_step=2), Naive(2, 4)
    last = play(ring, naive, [["go", "stop" if i % 5 == 4 else "go"] for i in range(70)])
    # 71 times were written; 41..70 remain; a whole stack needs 44; a window of two needs 68 or less
    possible = {name for name in naive.transitions(2) if 44 <= (name - 1) // 2 <= 68}
    counts = dict.fromkeys(possible, 0)
    for batch in ring.draw(200, 50, CPU):
        for name in batch.obs[:, -1].tolist():
            counts[name] += 1  # a KeyError here is a transition that must not be drawn
    expected = 200 * 50 / len(possible)
    assert last == 2 * 71 + 1
    assert min(counts.values()) > 0.7 * expected
    assert max(counts.values()) < 1.3 * expected


def test_the_batches_of_a_draw_are_the_parts_of_one_large_batch() -> None:
    ring, other = ring_of(), ring_of()
    for each in (ring, other):
        play(each, Naive(2, 4), [["go", "stop" if i % 7 == 3 else "go"] for i in range(60)])
    batches, large = list(ring.draw(5, 8, CPU)), sample(other, 40)
    for i, batch in enumerate(batches):
        assert same(batch, large._make([*(column[8 * i : 8 * i + 8] for column in large[:-1]), large[-1]]))
    assert not any(one.obs.equal(two.obs) for one, two in itertools.combinations(batches, 2))


def test_a_long_draw_is_gathered_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "DRAW", 3_000)
    ring, naive = ring_of(), Naive(2, 4)
    play(ring, naive, [["go", "go"]] * 30)
    gathered, gather = list[int](), ring._gather
    monkeypatch.setattr(ring, "_gather", lambda rows, device: gathered.append(len(rows) * 8) or gather(rows, device))
    assert len(list(ring.draw(13, 8, CPU))) == 13
    assert gathered == [5 * 512, 5 * 512, 3 * 512]  # bytes: a batch has two stacks of 4 frames for each of 8
    gathered.clear()
    assert len(list(ring.draw(2, 100, CPU))) == 2  # a batch that is too large alone
    assert gathered == [6_400, 6_400]


def test_the_true_last_observation_of_a_truncated_episode_is_bootstrapped_from() -> None:
    ring, naive = ring_of(lanes=1, slots=24, stack=2, n_step=1), Naive(1, 2)
    play(ring, naive, [["go"], ["go"], ["stop"], ["go"], *[["go"]] * 12])
    batch = sample(ring, 256)
    (row, *_) = (batch.obs[:, -1] == 3).nonzero().flatten().tolist()  # frames 1 2 3 4 | 5 ...: 4 is the last one
    assert batch.next_obs[row].tolist() == [3, 4]
    assert batch.terminated[row] == 0
    assert 4 not in batch.obs[:, -1]


def test_nothing_is_sampled_before_there_is_a_transition() -> None:
    ring, naive = ring_of(), Naive(2, 4)
    assert list(ring.draw(3, 4, CPU)) == []
    play(ring, naive, [["go", "go"]] * 2)
    assert list(ring.draw(3, 4, CPU)) == []


def test_a_restored_replay_goes_on_as_the_saved_one() -> None:
    for steps in (12, 60):  # part filled, and wrapped
        ring, naive = ring_of(), Naive(2, 4)
        start = play(ring, naive, [["go", "stop" if i % 7 == 3 else "go"] for i in range(steps)])
        sample(ring, 8)
        saved = ring.state_dict()
        assert saved["frames"].untyped_storage().nbytes() == 8 * min(2 * (steps + 1), 2 * 24)
        copy = Replay(48, 2, (1,), torch.int64, stack=4, n_step=3, gamma=GAMMA, seed=5)
        copy.load_state_dict({k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in saved.items()})
        assert copy.state_dict()["frames"].equal(saved["frames"])
        copy.place(CPU)
        assert same(sample(copy, 8), sample(ring, 8))
        play(copy, naive, [["go", "go"]] * 20, start)
        check(copy, naive)


def test_a_replay_of_another_shape_is_refused() -> None:
    ring, naive = ring_of(), Naive(2, 4)
    play(ring, naive, [["go", "go"]] * 9)
    other = Replay(48, 2, (3,), torch.int64, stack=4, n_step=3)
    with pytest.raises(UserError, match="the saved replay buffer has frames"):
        other.load_state_dict(ring.state_dict())


def test_a_replay_larger_than_memory_says_what_would_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "available", lambda device: 1_000_000)
    ring = Replay(1000, 2, (1, 84, 84), stack=4)
    with pytest.raises(UserError, match=r"replay buffer of 1,000 needs 0\.01 GB of RAM, .*: 126 would fit"):
        ring.place(CPU)
    assert ring.frames is None
    Replay(126, 1, (1, 84, 84), stack=4).place(CPU)


def test_what_is_available_respects_the_limits_of_control_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path
    (root / "memory.max").write_text("3000\n")
    (root / "memory.current").write_text("1000\n")
    (root / "memory").mkdir()
    monkeypatch.setattr(memory, "_own_groups", lambda where, controller: [where])
    assert memory._control_groups(root) == [2000]
    (root / "memory.max").write_text("max\n")
    (root / "memory" / "memory.limit_in_bytes").write_text("500")
    (root / "memory" / "memory.usage_in_bytes").write_text("900")
    assert memory._control_groups(root) == [0]
    assert 0 < memory.available(CPU) < 2**50


def test_an_unfilled_replay_takes_no_memory() -> None:
    def resident() -> int:
        return int(open("/proc/self/statm").read().split()[1]) * 4096

    before = resident()
    ring = Replay(200_000, 8, (1, 84, 84), stack=4)  # 1.4 GB
    ring.place(CPU)
    ring.begin(np.ones((8, 1, 84, 84), np.uint8))
    assert resident() - before < 100e6


def test_a_replay_too_small_for_a_window_is_refused() -> None:
    with pytest.raises(UserError, match="too small: it needs"):
        Replay(20, 4, (1,), stack=4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_replay_in_gpu_memory_gives_what_one_in_ram_gives() -> None:
    batches = []
    for where in ("cpu", "cuda"):
        ring, naive = Replay(48, 2, (1,), torch.int64, stack=4, n_step=3, gamma=GAMMA), Naive(2, 4)
        ring.place(torch.device(where))
        play(ring, naive, [["go", "stop" if i % 7 == 3 else "go"] for i in range(60)])
        batches.append(list(ring.draw(3, 16, torch.device("cuda"))))
    for one, other in zip(*batches, strict=True):
        assert all(column.is_cuda for column in one[:-1])
        assert same(one, other)
