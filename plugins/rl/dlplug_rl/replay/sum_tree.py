"""A sum tree: samples in proportion to weights and updates weights, in batches."""

from __future__ import annotations

import numpy as np

WIDTH = 64  # children of a node: a million leaves are four levels, each one look-up for the whole batch


class SumTree:
    """Weights of `size` leaves, all 0 at first. Every node holds the sum of its children.

    levels: from the root's children down to the leaves, each (nodes of the level above, WIDTH).
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.levels: list[np.ndarray] = []
        while not self.levels or size > 1:
            size = -(-size // WIDTH)
            self.levels.insert(0, np.zeros((size, WIDTH)))

    @property
    def total(self) -> float:
        return float(self.levels[0].sum())

    @property
    def leaves(self) -> np.ndarray:
        """The weights (size,); not to be modified."""
        return self.levels[-1].reshape(-1)[: self.size]

    def set(self, leaves: np.ndarray, weights: np.ndarray) -> None:
        """Sets weights (B,) of leaves (B,); for a repeated leaf the last one counts."""
        self.levels[-1].reshape(-1)[leaves] = weights
        nodes = leaves // WIDTH
        for above, below in zip(self.levels[-2::-1], self.levels[:0:-1], strict=True):
            above.reshape(-1)[nodes] = below[nodes].sum(1)
            nodes = nodes // WIDTH

    def find(self, mass: np.ndarray) -> np.ndarray:
        """The leaves (B,) at which the cumulative weight reaches `mass` (B,), from 0 to the total; never one of weight
        0, in spite of rounding. The total must not be 0."""
        node = np.zeros(len(mass), np.int64)
        for level in self.levels:
            reached = level[node].cumsum(1)  # (B, WIDTH)
            mass = np.minimum(mass, np.nextafter(reached[:, -1], 0.0))
            child = (reached <= mass[:, None]).sum(1)
            before = np.where(child > 0, reached[np.arange(len(mass)), child - 1], 0.0)
            mass, node = mass - before, node * WIDTH + child
        return node
