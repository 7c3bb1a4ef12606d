"""A replay buffer of single frames: stacks are gathered when sampled, so that a million 84x84 transitions take 7.1 GB.

One ring of slots, time first: slot `t` of lane `i` holds the frame of environment `i` at time `t`, the action taken
then, its reward, and whether the bootstrap stops. The last observation of an episode has its own slot; no transition
starts there, because the next slot begins an episode. Ends are not marked otherwise: a slot's `age` (the number of
slots since its episode's start) bounds stacks and n-step windows.

    age       0  1  2  3  4  0  1  2 ...        the slot of age 4 is the true last observation of its episode
    starts    x  x  x  x  .  x  x               a transition starts where the next slot is older
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dlplug import UserError, to_device
from dlplug_rl.replay.memory import HEADROOM, available

DRAW = 16 << 20  # bytes of frames gathered at once
OLDEST = 255  # ages are bytes; no stack or window is that long


class Transition(NamedTuple):
    """A batch of n-step transitions on the model's device, B of them.

    obs, next_obs: (B, *input), as stored (uint8 frames stay uint8).
    action: (B,) int64.
    reward: (B,) float32, Σ γ^i r_i over the window.
    terminated: (B,) float32, 1 where the bootstrap stops.
    discount: (B,) float32, γ^m for a window of m steps (m < n where an episode ended).
    weight: (B,) float32, the importance weight of each transition; 1 without prioritised replay.
    update_priorities: takes the TD errors (B,) of the transitions.
    """

    obs: Tensor
    action: Tensor
    reward: Tensor
    terminated: Tensor
    next_obs: Tensor
    discount: Tensor
    weight: Tensor
    update_priorities: Callable[[Tensor], None]


class Replay:
    """A ring of single observations for `lanes` environments that step together.

    capacity: total number of slots; each lane has capacity // lanes. A transition takes one slot, an episode one more.
    frame: shape of one stored frame; a sampled observation is (stack * frame[0], *frame[1:]).
    stack: frames per observation; those before an episode's start are zeros.
    n_step, gamma: a sampled window sums up to n rewards, each discounted by gamma.
    seed: seed of the sampling.

    `place` allocates the ring on a device. Sampling is uniform; `importance` is used by prioritised replay only.
    """

    importance = 0.0

    def __init__(
        self,
        capacity: int,
        lanes: int,
        frame: tuple[int, ...],
        dtype: torch.dtype = torch.uint8,
        *,
        stack: int = 1,
        n_step: int = 1,
        gamma: float = 0.99,
        seed: int = 0,
    ) -> None:
        self.length, self.lanes, self.frame, self.dtype = capacity // lanes, lanes, frame, dtype
        self.stack, self.n_step = stack, n_step
        least = 2 * (stack + n_step + 2)
        if self.length < least:
            raise UserError(
                f"a replay buffer of {capacity} for {lanes} environments is too small: it needs {least * lanes}"
            )
        if max(stack, n_step) >= OLDEST:
            raise UserError(f"stack ({stack}) and n_step ({n_step}) must be below {OLDEST}")
        if not fits(self.length * lanes * SCALARS, torch.device("cpu")):  # the message for frames says what would fit
            require(self.length * lanes, SCALARS + _bytes(frame, dtype), torch.device("cpu"))
        self.gammas = (gamma ** np.arange(n_step + 1)).astype(np.float32)
        self.written = 0  # slots written in each lane since the beginning
        self.starts = 0  # number of transitions that start in the ring
        self.random = np.random.default_rng(seed)
        shape = (self.length, lanes)
        self.action = np.zeros(shape, np.int16)
        self.reward = np.zeros(shape, np.float32)
        self.terminal = np.zeros(shape, bool)
        self.age = np.zeros(shape, np.uint8)
        self.frames: Tensor | None = None  # (length * lanes + 1, *frame); the last is the zeros before a start
        self.restored: Tensor | None = None

    @property
    def bytes(self) -> int:
        """Size of the frames in bytes."""
        return (self.length * self.lanes + 1) * _bytes(self.frame, self.dtype)

    def __len__(self) -> int:
        """The number of filled slots."""
        return min(self.written, self.length) * self.lanes

    def place(self, device: torch.device) -> None:
        """Allocates the ring on a device. Raises UserError, before allocating, where it would not fit."""
        if self.frames is not None:
            return
        require(self.length * self.lanes, _bytes(self.frame, self.dtype), device)
        # torch.empty commits no page before it is written: the buffer takes only as much RAM as it has filled
        self.frames = torch.empty((self.length * self.lanes + 1, *self.frame), dtype=self.dtype, device=device)
        self.frames[-1].zero_()
        if self.restored is not None:
            self.frames[: len(self.restored)].copy_(self.restored)
            self.restored = None

    def begin(self, frame: np.ndarray) -> None:
        """Stores the first frames (lanes, *frame) of new episodes: after a reset, or when a run resumes."""
        self._write(frame, np.zeros(self.lanes, np.uint8))

    def add(
        self, frame: np.ndarray, action: np.ndarray, reward: np.ndarray, terminal: np.ndarray, first: np.ndarray
    ) -> None:
        """Stores the steps after the newest frames: actions (lanes,), rewards, whether the bootstrap stops there, and
        the next frames (lanes, *frame), which begin an episode where `first` is set."""
        at = (self.written - 1) % self.length
        self.action[at], self.reward[at], self.terminal[at] = action, reward, terminal
        older = np.minimum(self.age[at], OLDEST - 1) + 1
        self._write(frame, np.where(first, 0, older).astype(np.uint8))

    def _write(self, frame: np.ndarray, age: np.ndarray) -> None:
        assert self.frames is not None, "place() comes first"
        at = self.written % self.length
        newest = to_device(torch.from_numpy(np.ascontiguousarray(frame)), self.frames.device)
        self.frames[at * self.lanes : (at + 1) * self.lanes].copy_(newest)
        old = np.count_nonzero(self.age[at]) if self.written >= self.length else 0
        self.starts += np.count_nonzero(age) - old
        self.age[at] = age
        self.written += 1

    def draw(self, count: int, size: int, device: torch.device) -> Iterator[Transition]:
        """`count` batches of `size` transitions, each uniform over all that can start a full window; none if there are
        no such transitions yet.

        Batches are gathered and copied together, as many as fit into DRAW bytes. Indices and scalars are computed on
        the host, so that nothing is read back from a GPU.
        """
        together = max(1, DRAW // (2 * size * self.stack * _bytes(self.frame, self.dtype)))
        for done in range(0, count, together):
            yield from self._batches(min(together, count - done), size, device)

    def _batches(self, count: int, size: int, device: torch.device) -> Iterator[Transition]:
        drawn = self._draw(count, size)
        if drawn is None:
            return
        time, lane, weight = drawn
        action, reward, terminated, steps = self._window(time, lane)
        rows = np.stack([self._rows(time, lane), self._rows(time + steps, lane)])  # (2, count * size, stack)
        shape = (2, count, size, self.stack * self.frame[0], *self.frame[1:])
        obs, next_obs = self._gather(rows.reshape(-1), device).view(shape).unbind()
        scalars = np.stack([reward, terminated, self.gammas[steps], weight]).reshape(4, count, size)
        reward, terminated, discount, weight = to_device(torch.from_numpy(scalars), device).unbind()
        action = to_device(torch.from_numpy(action.astype(np.int64).reshape(count, size)), device)
        drawn = (obs, action, reward, terminated, next_obs, discount, weight)
        for batch in zip(*(column.unbind() for column in drawn), strict=True):
            yield Transition._make([*batch, self.update_priorities])

    def update_priorities(self, td_error: Tensor) -> None:
        """Ignored: uniform sampling does not depend on TD errors."""

    def _gather(self, rows: np.ndarray, device: torch.device) -> Tensor:
        """The given rows of `frames`, on a device."""
        assert self.frames is not None, "place() comes first"
        index = to_device(torch.from_numpy(rows), self.frames.device)
        if self.frames.device.type == device.type:
            return self.frames.index_select(0, index)
        pinned = torch.empty((len(rows), *self.frame), dtype=self.dtype, pin_memory=device.type == "cuda")
        return torch.index_select(self.frames, 0, index, out=pinned).to(device, non_blocking=True)

    def _draw(self, count: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Times, lanes and importance weights (float32) of `count` batches of random transitions whose stack and
        window are both in the ring, (count * size,) each; None if there are none yet."""
        full = self.written > self.length
        low = self.written - self.length + self.stack - 1 if full else 0
        high = self.written - self.n_step
        if self.starts <= (self.stack + self.n_step) * self.lanes:  # all of them might be outside [low, high)
            return None
        time = self.random.integers(low, high, count * size)
        lane = self.random.integers(0, self.lanes, count * size)
        while (wrong := np.flatnonzero(self.age[(time + 1) % self.length, lane] == 0)).size:
            time[wrong] = self.random.integers(low, high, wrong.size)
            lane[wrong] = self.random.integers(0, self.lanes, wrong.size)
        return time, lane, np.ones(count * size, np.float32)

    def _window(self, time: np.ndarray, lane: np.ndarray) -> tuple[Any, ...]:
        """action, Σ γ^i r_i, terminated and the number of steps m of the windows from these times, each (B,)."""
        i = np.arange(self.n_step)
        at = ((time[:, None] + i) % self.length, lane[:, None])  # (B, n)
        terminal = self.terminal[at]
        inside = self.age[(at[0] + 1) % self.length, at[1]] > i  # step i ends in the episode in which the window began
        inside[:, 1:] &= ~np.logical_or.accumulate(terminal, axis=1)[:, :-1]
        reward = np.matmul(self.reward[at] * inside, self.gammas[:-1])
        terminated = (terminal & inside).any(axis=1)
        return self.action[at][:, 0], reward, terminated.astype(np.float32), inside.sum(axis=1)

    def _rows(self, time: np.ndarray, lane: np.ndarray) -> np.ndarray:
        """Rows (B, stack) of `frames` that form the observations at these times, oldest first."""
        back = np.arange(self.stack - 1, -1, -1)
        rows = (time[:, None] - back) % self.length * self.lanes + lane[:, None]
        age = self.age[time % self.length, lane]
        return np.where(back <= age[:, None], rows, self.length * self.lanes)

    def state_dict(self) -> dict[str, Any]:
        """The filled part of the ring, not copied if it is in RAM."""
        filled = min(self.written, self.length)
        frames = self.frames if self.restored is None else self.restored
        frames = torch.empty(0) if frames is None else frames[: filled * self.lanes]
        if frames.device.type == "cpu":  # through NumPy, for a tensor whose storage ends where the filled part does
            frames = torch.from_numpy(frames.numpy())
        columns = {name: torch.from_numpy(getattr(self, name)[:filled]) for name in COLUMNS}
        counters = {"written": self.written, "starts": self.starts}
        return {**counters, "random": self.random.bit_generator.state, "frames": frames.cpu(), **columns}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises UserError for the state of a replay buffer of another shape."""
        filled = min(state["written"], self.length)
        expected = (filled * self.lanes, *self.frame)
        if tuple(state["frames"].shape) != expected and filled:
            raise UserError(
                f"the saved replay buffer has frames {tuple(state['frames'].shape)}, this one needs {expected}"
            )
        self.written, self.starts = state["written"], state["starts"]
        self.random.bit_generator.state = state["random"]
        for name in COLUMNS:
            getattr(self, name)[:filled] = state[name].numpy()
        self.restored = state["frames"] if filled else None
        if self.frames is not None:
            self.frames[: filled * self.lanes].copy_(state["frames"])
            self.restored = None


COLUMNS = ("action", "reward", "terminal", "age")
SCALARS = 2 + 4 + 1 + 1  # bytes of these columns per slot


def fits(size: int, device: torch.device) -> bool:
    """Whether that many bytes are available on a device, with some left for the rest of the program."""
    return size <= available(device) * HEADROOM


def require(slots: int, size: int, device: torch.device) -> None:
    """Raises UserError, with the number that would fit, where that many slots of `size` bytes do not fit."""
    if not fits((slots + 1) * size, device):
        room = int(available(device) * HEADROOM)
        where, most = "GPU memory" if device.type == "cuda" else "RAM", max(0, room // size - 1)
        raise UserError(
            f"a replay buffer of {slots:,} needs {(slots + 1) * size / 1e9:.2f} GB of {where}, and there is"
            f" {room / 1e9:.2f} GB: {most:,} would fit (--data.replay {most})"
        )


def _bytes(shape: tuple[int, ...], dtype: torch.dtype) -> int:
    return math.prod(shape) * dtype.itemsize
