"""The usual teaching structure of AlphaZero's search: one game, a dict of nodes, one leaf per call of the network."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from dlplug_selfplay.games.interface import Game, outcome
from dlplug_selfplay.search.puct import C_BASE, C_INIT
from dlplug_selfplay.search.tree import Judge


class Node:
    """A position, its prior, and what the search has found below each move."""

    def __init__(self, position: Any, prior: np.ndarray, value: float) -> None:
        self.position, self.prior, self.value = position, prior, value
        self.visits, self.total = dict.fromkeys(range(len(prior)), 0), dict.fromkeys(range(len(prior)), 0.0)


class NaiveSearch:
    """PUCT from one position, after the description of AlphaZero's pseudocode. Nodes are found by their moves."""

    def __init__(self, game: Game, judge: Judge, root: Any) -> None:
        self.game, self.judge = game, judge
        self.nodes: dict[tuple[int, ...], Node] = {}
        self.add((), root)

    def add(self, moves: tuple[int, ...], position: Any) -> float:
        if position.over[0]:
            self.nodes[moves] = Node(position, np.zeros(self.game.actions), float(outcome(position)[0]))
        else:
            logits, value = self.judge(position)
            weights = np.where(position.legal[0], np.exp(logits[0] - logits[0].max()), 0)
            self.nodes[moves] = Node(position, weights / weights.sum(), float(value[0]))
        return self.nodes[moves].value

    def simulate(self, moves: tuple[int, ...] = ()) -> float:
        """The value that a simulation finds, for the player to move."""
        node = self.nodes[moves]
        if node.position.over[0]:
            return node.value
        parent = sum(node.visits.values())
        best, chosen = -math.inf, -1
        for action in range(self.game.actions):
            if node.position.legal[0, action]:
                visits = node.visits[action]
                q = node.total[action] / visits if visits else node.value
                c = C_INIT + math.log((parent + C_BASE + 1) / C_BASE)
                score = q + c * node.prior[action] * math.sqrt(parent + 1) / (1 + visits)
                if score > best + 1e-9:
                    best, chosen = score, action
        after = (*moves, chosen)
        if after in self.nodes:
            value = -self.simulate(after)
        else:
            value = -self.add(after, self.game.step(node.position, np.array([chosen])))
        node.visits[chosen] += 1
        node.total[chosen] += value
        return value
