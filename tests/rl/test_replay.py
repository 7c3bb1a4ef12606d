"""The ring of single frames against a naive list of episodes that keeps whole stacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from dlplug_rl import memory, replay
from dlplug_rl.replay import Replay
from hypothesis import given, settings
from hypothesis import strategies as st

from dlplug.errors import UserError

CPU = torch.device("cpu")
GAMMA = 0.9


@dataclass
class Episode:
    """What one environment showed from a start on: whole stacks, and what followed each of them but the last."""

    stacks: list[np.ndarray] = field(default_factory=list)
    names: list[int] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    terminals: list[bool] = field(default_factory=list)


class Naive:
    """Keeps every episode of every lane, whole."""

    def __init__(self, lanes: int, stack: int) -> None:
        self.stack = stack
        self.lanes: list[list[Episode]] = [[] for _ in range(lanes)]

    def begin(self, lane: int, name: int) -> None:
        self.lanes[lane].append(Episode([np.array([0] * (self.stack - 1) + [name])], [name]))

    def add(self, lane: int, name: int, action: int, reward: float, terminal: bool) -> None:
        episode = self.lanes[lane][-1]
        episode.actions.append(action)
        episode.rewards.append(reward)
        episode.terminals.append(terminal)
        episode.stacks.append(np.append(episode.stacks[-1][1:], name))
        episode.names.append(name)

    def transitions(self, n_step: int) -> dict[int, tuple]:
        """By the newest frame of its first observation: every n-step transition there ever was."""
        found = {}
        for episode in (episode for lane in self.lanes for episode in lane):
            for t in range(len(episode.actions)):
                total, discount, at = 0.0, 1.0, t
                while True:
                    total += discount * episode.rewards[at]
                    discount *= GAMMA
                    at += 1
                    if episode.terminals[at - 1] or at == len(episode.actions) or at == t + n_step:
                        break
                terminal = episode.terminals[at - 1]
                found[episode.names[t]] = (
                    episode.stacks[t], episode.actions[t], total, terminal, episode.stacks[at], discount,
                )  # fmt: skip
        return found


def play(ring: Replay, naive: Naive, steps: list[list[str]], start: int = 1) -> int:
    """Drives both through the same steps: each lane's is "go", "lose" (a life), "win", "stop" or, for all, "restart".
    Every frame is a number of its own; the row after an end begins an episode, as the emulator does it."""
    lanes = range(ring.lanes)
    name, ended = start, [False] * ring.lanes

    def frames() -> np.ndarray:
        nonlocal name
        names = np.arange(name, name + ring.lanes)
        name += ring.lanes
        return names

    first = frames()
    ring.begin(first[:, None])
    for lane in lanes:
        naive.begin(lane, int(first[lane]))
    for events in steps:
        names = frames()
        if events[0] == "restart":
            ring.begin(names[:, None])
            for lane in lanes:
                naive.begin(lane, int(names[lane]))
            ended = [False] * ring.lanes
            continue
        action, reward = names % 5, (names % 3 - 1).astype(np.float32)
        terminal = np.array([event in ("lose", "win") and not over for event, over in zip(events, ended, strict=True)])
        ring.add(names[:, None], action, reward, terminal, np.array(ended))
        for lane in lanes:
            if ended[lane]:
                naive.begin(lane, int(names[lane]))
                ended[lane] = False
            else:
                naive.add(lane, int(names[lane]), int(action[lane]), float(reward[lane]), bool(terminal[lane]))
                ended[lane] = events[lane] in ("win", "stop")
    return name


def check(ring: Replay, naive: Naive, size: int = 64) -> set[int]:
    """Every sampled transition is one that happened, whole; gives the names of those seen."""
    batch = ring.sample(size, CPU)
    if batch is None:
        return set()
    truth = naive.transitions(ring.n_step)
    for row in range(size):
        obs, action, reward, terminal, next_obs, discount = truth[int(batch.obs[row, -1])]
        assert batch.obs[row].tolist() == obs.tolist()
        assert batch.next_obs[row].tolist() == next_obs.tolist()
        assert batch.action[row] == action
        assert batch.reward[row].item() == pytest.approx(reward, abs=1e-5)
        assert batch.terminated[row] == terminal
        assert batch.discount[row].item() == pytest.approx(discount, rel=1e-5)
    return set(batch.obs[:, -1].tolist())


def ring_of(lanes: int = 2, slots: int = 24, stack: int = 4, n_step: int = 3, seed: int = 0) -> Replay:
    ring = Replay(lanes * slots, lanes, (1,), torch.int64, stack=stack, n_step=n_step, gamma=GAMMA, seed=seed)
    ring.place(CPU)
    return ring


EVENTS = st.sampled_from(["go"] * 8 + ["lose", "win", "stop"])


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
    event = st.lists(EVENTS, min_size=lanes, max_size=lanes) | st.just(["restart"] * lanes)
    play(ring, naive, data.draw(st.lists(event, max_size=90)))
    check(ring, naive)


def test_every_transition_that_the_ring_holds_whole_is_drawn_about_equally_often() -> None:
    ring, naive = ring_of(lanes=2, slots=30, stack=4, n_step=2), Naive(2, 4)
    last = play(ring, naive, [["go", "stop" if i % 5 == 4 else "go"] for i in range(70)])
    # 71 times were written; 41..70 remain; a whole stack needs 44; a window of two needs 68 or less
    possible = {name for name in naive.transitions(2) if 44 <= (name - 1) // 2 <= 68}
    counts = dict.fromkeys(possible, 0)
    for _ in range(200):
        for name in ring.sample(50, CPU).obs[:, -1].tolist():  # type: ignore[union-attr]
            counts[name] += 1  # a KeyError here is a transition that must not be drawn
    expected = 200 * 50 / len(possible)
    assert last == 2 * 71 + 1
    assert min(counts.values()) > 0.7 * expected
    assert max(counts.values()) < 1.3 * expected


def test_the_true_last_observation_of_a_truncated_episode_is_bootstrapped_from() -> None:
    ring, naive = ring_of(lanes=1, slots=24, stack=2, n_step=1), Naive(1, 2)
    play(ring, naive, [["go"], ["go"], ["stop"], ["go"], *[["go"]] * 12])
    batch = ring.sample(256, CPU)
    assert batch is not None
    (row, *_) = (batch.obs[:, -1] == 3).nonzero().flatten().tolist()  # frames 1 2 3 4 | 5 ...: 4 is the last one
    assert batch.next_obs[row].tolist() == [3, 4]
    assert batch.terminated[row] == 0
    assert 4 not in batch.obs[:, -1]


def test_nothing_is_sampled_before_there_is_a_transition() -> None:
    ring, naive = ring_of(), Naive(2, 4)
    assert ring.sample(4, CPU) is None
    play(ring, naive, [["go", "go"]] * 2)
    assert ring.sample(4, CPU) is None


def test_a_restored_replay_goes_on_as_the_saved_one() -> None:
    for steps in (12, 60):  # part filled, and wrapped
        ring, naive = ring_of(), Naive(2, 4)
        start = play(ring, naive, [["go", "stop" if i % 7 == 3 else "go"] for i in range(steps)])
        ring.sample(8, CPU)
        saved = ring.state_dict()
        assert saved["frames"].untyped_storage().nbytes() == 8 * min(2 * (steps + 1), 2 * 24)
        copy = Replay(48, 2, (1,), torch.int64, stack=4, n_step=3, gamma=GAMMA, seed=5)
        copy.load_state_dict({k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in saved.items()})
        assert copy.state_dict()["frames"].equal(saved["frames"])
        copy.place(CPU)
        for mine, theirs in zip(copy.sample(8, CPU), ring.sample(8, CPU), strict=True):  # type: ignore[arg-type]
            assert mine.equal(theirs)
        play(copy, naive, [["go", "go"]] * 20, start)
        check(copy, naive)


def test_a_replay_of_another_shape_is_refused() -> None:
    ring, naive = ring_of(), Naive(2, 4)
    play(ring, naive, [["go", "go"]] * 9)
    other = Replay(48, 2, (3,), torch.int64, stack=4, n_step=3)
    with pytest.raises(UserError, match="the saved replay has frames"):
        other.load_state_dict(ring.state_dict())


def test_a_replay_larger_than_memory_says_what_would_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "available", lambda device: 1_000_000)
    ring = Replay(1000, 2, (1, 84, 84), stack=4)
    with pytest.raises(UserError, match=r"replay of 1,000 needs 0\.01 GB of RAM .*: 126 would fit"):
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
        batches.append(ring.sample(16, torch.device("cuda")))
    for one, other in zip(*batches, strict=True):
        assert one.is_cuda
        assert one.equal(other)
