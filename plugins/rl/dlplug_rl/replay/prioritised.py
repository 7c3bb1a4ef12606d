"""Prioritised replay (Schaul et al. 2016, arXiv:1511.05952): transitions with a large TD error are sampled more
often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

    A loss passes its TD errors to the batch's `update_priorities`, on its own device and without synchronising. They
    are read once per draw, before the next draw or step, so that the copy overlaps with the emulator. Thus the batches
    that are due at one step are drawn by the priorities at its beginning (those beyond the first DRAW bytes of frames
    by newer ones), as by the prefetching learner of Ape-X (Horgan et al. 2018, arXiv:1803.00933). Where at most one is
    due, each is drawn by the priorities after the last, as by Schaul et al.
    """

    def __init__(self, capacity: int, lanes: int, frame: tuple[int, ...], *, exponent: float, **options: Any) -> None:
        super().__init__(capacity, lanes, frame, **options)
        self.exponent = exponent
        self.tree = SumTree(self.length * lanes)
        self.largest = 1.0  # of p^α
        self.drawn = np.zeros((0, 0), np.int64)  # the leaves (batches, B) of the newest draw
        self.td_error: Tensor | None = None  # of the newest batch; always the same tensor, as a CUDA graph needs
        self.newest = np.zeros(0, np.int64)  # the leaves (B,) of the newest batch
        self.pending: list[tuple[np.ndarray, Tensor]] = []  # leaves and TD errors (B,) of the batches before it

    def _batches(self, count: int, size: int, device: torch.device) -> Iterator[Transition]:
        self.write_priorities()
        if self.td_error is None or len(self.td_error) != size:
            self.td_error = torch.full((size,), torch.nan, device=device)
        for i, batch in enumerate(super()._batches(count, size, device)):
            self._keep()
            self.newest = self.drawn[i]
            yield batch

    def update_priorities(self, td_error: Tensor) -> None:
        """td_error: |δ| of the newest batch, (B,)."""
        if self.td_error is not None:
            self.td_error.copy_(td_error)

    def _keep(self) -> None:
        """Keeps the newest batch's TD errors until they are written."""
        if self.td_error is not None and len(self.newest):
            self.pending.append((self.newest, self.td_error.clone()))
            self.td_error.fill_(torch.nan)
            self.newest = self.newest[:0]

    def write_priorities(self) -> None:
        """Writes the TD errors of all batches into the tree, in their order; where the loss passed none, or one that is
        not finite, the priority stays."""
        self._keep()
        if not self.pending:
            return
        leaves = np.concatenate([leaves for leaves, _ in self.pending])
        td_error = np.abs(torch.cat([td_error for _, td_error in self.pending]).cpu().numpy().astype(np.float64))
        self.pending.clear()
        finite = np.isfinite(td_error)
        weights = (td_error[finite] + LEAST) ** self.exponent
        self.tree.set(leaves[finite], weights)
        self.largest = float(weights.max(initial=self.largest))

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

    def _draw(self, count: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        total = self.tree.total
        if total == 0.0:
            return None
        # each batch has one from each of `size` equal parts of the sum (Schaul et al., appendix B.2.1)
        mass = (np.arange(size) + self.random.random((count, size))) / size * total
        leaves = self.tree.find(mass.reshape(-1))
        self.drawn = leaves.reshape(count, size)
        # N and the sum of all priorities cancel in the division by the batch's largest weight
        weights = self.tree.leaves[self.drawn] ** -self.importance
        weights = (weights / weights.max(1, keepdims=True)).astype(np.float32)
        return leaves // self.lanes, leaves % self.lanes, weights.reshape(-1)

    def state_dict(self) -> dict[str, Any]:
        self.write_priorities()
        return {**super().state_dict(), "weights": torch.from_numpy(self.tree.leaves.copy()), "largest": self.largest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.tree.set(np.arange(self.tree.size), state["weights"].numpy())
        self.largest = state["largest"]
