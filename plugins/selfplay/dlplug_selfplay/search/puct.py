"""PUCT, the search of AlphaZero (Silver et al. 2018, Science 362, 1140)."""

from __future__ import annotations

import numpy as np

from dlplug_selfplay.games.interface import Game
from dlplug_selfplay.search.tree import Found, Judge, Tree

C_INIT, C_BASE = 1.25, 19_652  # AlphaZero's pseudocode


def scores(tree: Tree, rows: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """(k, A): Q(s, a) + c P(s, a) √N(s) / (1 + N(s, a)); -inf for illegal moves.

    A move that has not been tried has the value of the node, as the network judged it.
    """
    visits = tree.visits[rows, nodes]
    parent = visits.sum(1, keepdims=True)
    c = C_INIT + np.log((parent + C_BASE + 1) / C_BASE)
    # N(s) + 1, so that the first simulation follows the prior
    explore = c * tree.prior[rows, nodes] * np.sqrt(parent + 1) / (1 + visits)
    return np.where(tree.positions.legal[rows, nodes], tree.q(rows, nodes, tree.value[rows, nodes]) + explore, -np.inf)


def best(tree: Tree, rows: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    return scores(tree, rows, nodes).argmax(1)


def search(
    game: Game,
    judge: Judge,
    roots: object,
    simulations: int,
    *,
    noise: float = 0.0,
    temperature: np.ndarray | float = 0.0,
    random: np.random.Generator,
) -> Found:
    """Searches from B roots, none of which is over.

    noise: the share of Dirichlet noise, with α = 10 / (legal moves), in the root's prior; 0.25 in AlphaZero's
    self-play, 0 to play as well as possible. temperature: of the draw of the move from the visits, (B,) or one for
    all; 0 takes the most visited. The improved policy is the share of the visits.
    """
    tree = Tree(game, judge, roots, simulations + 1)
    if noise:
        legal = tree.positions.legal[:, 0]
        gamma = np.where(legal, random.gamma(np.where(legal, 10 / legal.sum(1, keepdims=True), 1)), 0)
        total = gamma.sum(1, keepdims=True)
        drawn = np.where(total > 0, gamma / np.where(total > 0, total, 1), tree.prior[:, 0])
        tree.prior[:, 0] = (1 - noise) * tree.prior[:, 0] + noise * drawn
    for node in range(1, simulations + 1):
        tree.simulate(node, best, best)
    visits = tree.visits[:, 0].astype(np.float64)
    heat = np.broadcast_to(temperature, len(visits))[:, None]
    with np.errstate(divide="ignore"):
        logits = np.where(heat > 0, np.log(visits) / np.where(heat > 0, heat, 1), 0)
    gumbel = random.gumbel(size=visits.shape)
    greedy = visits + 1e-3 * tree.prior[:, 0]  # of the most visited moves the likeliest
    action = np.where(heat > 0, logits + gumbel, greedy).argmax(1)
    # the mean of all that came back to the root, its own value included
    value = (tree.total[:, 0].sum(1) + tree.value[:, 0]) / (visits.sum(1) + 1)
    return Found(action, (visits / visits.sum(1, keepdims=True)).astype(np.float32), value)
