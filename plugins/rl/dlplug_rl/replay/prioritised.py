"""Prioritised replay (Schaul et al. 2016, arXiv:1511.05952): transitions with a large TD error are sampled more
often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlplug_rl.replay.buffer import Replay, Transition
from dlplug_rl.replay.sum_tree import SumTree

LEAST = 1e-6  # ε, so that every transition may be sampled again (Schaul et al., section 3.3)


class PrioritisedReplay(Replay):
    """Draws a transition with probability P(i) = p_i^α / Σ_k p_k^α; its weight is (N P(i))^-β, divided by the largest.

    exponent: α. The importance β is `importance`, which may be set at any time.
    Other arguments: those of `Replay`. New transitions get the largest priority so far.

    A loss passes its TD errors to the batch's `tell`, on its own device and without synchronising; they are read when
    the next batch is sampled, so that the copy overlaps with the emulator.
    """

    def __init__(self, capacity: int, lanes: int, frame: tuple[int, ...], *, exponent: float, **options: Any) -> None:
        super().__init__(capacity, lanes, frame, **options)
        self.exponent = exponent
        self.tree = SumTree(self.length * lanes)
        self.largest = 1.0  # of p^α
        self.drawn = np.zeros(0, np.int64)  # the leaves of the newest batch
        self.told: Tensor | None = None  # the learner's TD errors; always the same tensor, as a CUDA graph needs

    def sample(self, size: int, device: torch.device) -> Transition | None:
        self.settle()
        if self.told is None or len(self.told) != size:
            self.told = torch.full((size,), torch.nan, device=device)
        return super().sample(size, device)

    def tell(self, surprise: Tensor) -> None:
        """|δ| of the newest batch, (B,)."""
        if self.told is not None:
            self.told.copy_(surprise)

    def settle(self) -> None:
        """Writes the reported TD errors into the tree. Without any report the priorities stay."""
        if self.told is None or not len(self.drawn):
            return
        surprise = np.abs(self.told.cpu().numpy().astype(np.float64))
        if np.isfinite(surprise).all():
            weights = (surprise + LEAST) ** self.exponent
            self.tree.set(self.drawn, weights)
            self.largest = max(self.largest, float(weights.max()))
            self.told.fill_(torch.nan)
        self.drawn = self.drawn[:0]

    def _write(self, frame: np.ndarray, age: np.ndarray) -> None:
        self.settle()
        super()._write(frame, age)
        # the newest slot completes a window; the oldest slots have lost frames of their stack
        time = self.written - 1 - self.n_step
        if time >= 0:
            starts = self.age[(time + 1) % self.length] != 0
            self.tree.set(self._leaves(np.array([time])), np.where(starts, self.largest, 0.0))
        if self.written > self.length:
            oldest = self.written - self.length + self.stack - 1
            self.tree.set(self._leaves(np.arange(oldest - self.stack, oldest)), np.zeros(self.stack * self.lanes))

    def _leaves(self, times: np.ndarray) -> np.ndarray:
        """The leaves of all lanes at the given times."""
        return ((times % self.length)[:, None] * self.lanes + np.arange(self.lanes)).reshape(-1)

    def _draw(self, size: int) -> tuple[np.ndarray, np.ndarray] | None:
        total = self.tree.total
        if total == 0.0:
            return None
        # one from each of `size` equal parts of the sum (Schaul et al., appendix B.2.1)
        self.drawn = self.tree.find((np.arange(size) + self.random.random(size)) / size * total)
        return self.drawn // self.lanes, self.drawn % self.lanes

    def _weights(self, size: int) -> np.ndarray:
        # N and the sum of all priorities cancel in the division by the largest weight
        weights = self.tree.leaves[self.drawn] ** -self.importance
        return (weights / weights.max()).astype(np.float32)

    def state_dict(self) -> dict[str, Any]:
        self.settle()
        return {**super().state_dict(), "weights": torch.from_numpy(self.tree.leaves.copy()), "largest": self.largest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.tree.set(np.arange(self.tree.size), state["weights"].numpy())
        self.largest = state["largest"]
