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

    A loss passes its TD errors to the batch's `update_priorities`, on its own device and without synchronising; they
    are read when the next batch is sampled, so that the copy overlaps with the emulator.
    """

    def __init__(self, capacity: int, lanes: int, frame: tuple[int, ...], *, exponent: float, **options: Any) -> None:
        super().__init__(capacity, lanes, frame, **options)
        self.exponent = exponent
        self.tree = SumTree(self.length * lanes)
        self.largest = 1.0  # of p^α
        self.drawn = np.zeros(0, np.int64)  # the leaves of the newest batch
        self.td_error: Tensor | None = None  # of the newest batch; always the same tensor, as a CUDA graph needs

    def sample(self, size: int, device: torch.device) -> Transition | None:
        self.write_priorities()
        if self.td_error is None or len(self.td_error) != size:
            self.td_error = torch.full((size,), torch.nan, device=device)
        return super().sample(size, device)

    def update_priorities(self, td_error: Tensor) -> None:
        """td_error: |δ| of the newest batch, (B,)."""
        if self.td_error is not None:
            self.td_error.copy_(td_error)

    def write_priorities(self) -> None:
        """Writes the newest batch's TD errors into the tree; priorities stay if the loss passed none."""
        if self.td_error is None or not len(self.drawn):
            return
        td_error = np.abs(self.td_error.cpu().numpy().astype(np.float64))
        if np.isfinite(td_error).all():
            weights = (td_error + LEAST) ** self.exponent
            self.tree.set(self.drawn, weights)
            self.largest = max(self.largest, float(weights.max()))
            self.td_error.fill_(torch.nan)
        self.drawn = self.drawn[:0]

    def _write(self, frame: np.ndarray, age: np.ndarray) -> None:
        self.write_priorities()
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
        self.write_priorities()
        return {**super().state_dict(), "weights": torch.from_numpy(self.tree.leaves.copy()), "largest": self.largest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.tree.set(np.arange(self.tree.size), state["weights"].numpy())
        self.largest = state["largest"]
