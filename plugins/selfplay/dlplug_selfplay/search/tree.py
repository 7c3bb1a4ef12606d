"""The search trees of B games as arrays: every simulation walks down all of them, and judges all leaves together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dlplug_selfplay.games.interface import Game, outcome, put, take

Judge = Callable[[Any], tuple[np.ndarray, np.ndarray]]
"""Judges n positions that are not over: (n, actions) policy logits; (n,) values in [-1, 1] for the player to move."""

Choose = Callable[["Tree", np.ndarray, np.ndarray], np.ndarray]
"""(tree, rows (k,), nodes (k,)) -> (k,) the action to follow from each of these nodes."""


class Tree:
    """The trees of B games with room for N nodes each. Node 0 is the root, node i was made by simulation i.

    positions: arrays (B, N, ...), see `Position`. logits, prior: (B, N, A), the policy, -inf and 0 for illegal moves.
    value: (B, N), of a node, for the player to move there. child: (B, N, A), the node behind a move; 0 where it has
    not been tried. visits, total: (B, N, A), how often a move was followed and the sum of what came back, for the
    player who makes the move.
    """

    def __init__(self, game: Game, judge: Judge, roots: Any, nodes: int) -> None:
        self.game, self.judge, count = game, judge, len(roots.ply)
        shape = (count, nodes, game.actions)
        self.positions = type(roots)(*(np.empty((count, nodes, *field.shape[1:]), field.dtype) for field in roots))
        self.logits = np.full(shape, -np.inf, np.float32)
        self.prior = np.zeros(shape, np.float32)
        self.value = np.zeros((count, nodes), np.float32)
        self.child = np.zeros(shape, np.int32)
        self.visits = np.zeros(shape, np.int32)
        self.total = np.zeros(shape, np.float32)
        self.count = count
        self.add(np.arange(count), np.zeros(count, int), roots)

    def add(self, rows: np.ndarray, nodes: np.ndarray, positions: Any) -> None:
        """Writes new nodes: the network judges those that are not over; the result of the others is known."""
        put(self.positions, (rows, nodes), positions)
        self.value[rows, nodes] = outcome(positions)
        alive = np.flatnonzero(~positions.over)
        if len(alive):
            here = rows[alive], nodes[alive]
            legal = positions.legal[alive]
            logits, self.value[here] = self.judge(take(positions, alive))
            masked = np.where(legal, logits, -np.inf)
            masked -= masked.max(1, keepdims=True)
            self.logits[here] = masked
            prior = np.exp(masked)
            self.prior[here] = prior / prior.sum(1, keepdims=True)

    def simulate(self, node: int, at_root: Choose, below: Choose) -> None:
        """One simulation in every game: down to an untried move or an end, and what is found there back up.

        node: the number of the nodes that this simulation makes.
        """
        path: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        rows = np.flatnonzero(~self.positions.over[:, 0])
        nodes, choose = np.zeros(len(rows), int), at_root
        untried: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        back = np.zeros(self.count, np.float32)
        while len(rows):
            actions = choose(self, rows, nodes)
            path.append((rows, nodes, actions))
            following = self.child[rows, nodes, actions]
            new = following == 0
            untried.append((rows[new], nodes[new], actions[new]))
            ended = ~new & self.positions.over[rows, following]
            back[rows[ended]] = self.value[rows[ended], following[ended]]
            rows, nodes, choose = rows[~new & ~ended], following[~new & ~ended], below
        if not untried:
            return  # every game is over
        rows, nodes, actions = (np.concatenate(parts) for parts in zip(*untried, strict=True))
        if len(rows):
            made = np.full(len(rows), node)
            self.add(rows, made, self.game.step(take(self.positions, (rows, nodes)), actions))
            self.child[rows, nodes, actions] = node
            back[rows] = self.value[rows, node]
        for rows, nodes, actions in reversed(path):
            back[rows] = -back[rows]  # the value for the other player, who made this move
            self.visits[rows, nodes, actions] += 1
            self.total[rows, nodes, actions] += back[rows]

    def q(self, rows: np.ndarray, nodes: np.ndarray, untried: np.ndarray) -> np.ndarray:
        """(k, A): the mean value of each move for the player to move. untried: (k,), the value where there is none."""
        visits = self.visits[rows, nodes]
        return np.where(visits > 0, self.total[rows, nodes] / np.maximum(visits, 1), untried[:, None])


class Found(NamedTuple):
    """What a search found in B games.

    action: (B,), the chosen move. policy: (B, A), an improved policy to learn from. value: (B,), of the root, for the
    player to move.
    """

    action: np.ndarray
    policy: np.ndarray
    value: np.ndarray
