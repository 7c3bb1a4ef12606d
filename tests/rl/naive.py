"""A naive list of episodes that keeps whole stacks, to hold a replay against."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from dlplug_rl.replay.buffer import Replay, Transition
from dlplug_rl.replay.prioritised import PrioritisedReplay
from hypothesis import strategies as st

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


def sample(ring: Replay, size: int) -> Transition:
    """One batch; there must be transitions."""
    (batch,) = ring.draw(1, size, CPU)
    return batch


def check(ring: Replay, naive: Naive, count: int = 2, size: int = 32) -> None:
    """Every sampled transition is one that happened, whole."""
    batches, truth = list(ring.draw(count, size, CPU)), naive.transitions(ring.n_step)
    assert len(batches) in (0, count)
    for batch, row in itertools.product(batches, range(size)):
        obs, action, reward, terminal, next_obs, discount = truth[int(batch.obs[row, -1])]
        assert batch.obs[row].tolist() == obs.tolist()
        assert batch.next_obs[row].tolist() == next_obs.tolist()
        assert batch.action[row] == action
        assert batch.reward[row].item() == pytest.approx(reward, abs=1e-5)
        assert batch.terminated[row] == terminal
        assert batch.discount[row].item() == pytest.approx(discount, rel=1e-5)


def same(one: Transition, other: Transition) -> bool:
    """Whether all tensors of two batches are equal."""
    return all(getattr(one, name).equal(getattr(other, name)) for name in one._fields[:-1])


def ring_of(lanes: int = 2, slots: int = 24, stack: int = 4, n_step: int = 3, seed: int = 0) -> Replay:
    ring = Replay(lanes * slots, lanes, (1,), torch.int64, stack=stack, n_step=n_step, gamma=GAMMA, seed=seed)
    ring.place(CPU)
    return ring


def prioritised_ring_of(
    lanes: int = 2, slots: int = 24, stack: int = 4, n_step: int = 3, exponent: float = 0.5, seed: int = 0
) -> PrioritisedReplay:
    ring = PrioritisedReplay(
        lanes * slots,
        lanes,
        (1,),
        dtype=torch.int64,
        stack=stack,
        n_step=n_step,
        gamma=GAMMA,
        seed=seed,
        exponent=exponent,
    )
    ring.place(CPU)
    return ring


def histories(lanes: int) -> st.SearchStrategy[list[list[str]]]:
    """What may happen to so many lanes, for `play`."""
    event = st.sampled_from(["go"] * 8 + ["lose", "win", "stop"])
    return st.lists(st.lists(event, min_size=lanes, max_size=lanes) | st.just(["restart"] * lanes), max_size=90)
