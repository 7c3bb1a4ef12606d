"""Gumbel AlphaZero (Danihelka et al. 2022, "Policy improvement by planning with Gumbel"): sequential halving at the
root, and an improved policy that is an improvement even after two simulations. Defaults as in DeepMind's mctx."""

from __future__ import annotations

import functools

import numpy as np

from dlplug_selfplay.games.interface import Game
from dlplug_selfplay.search.tree import Found, Judge, Tree

VISITS, SCALE = 50.0, 0.1  # c_visit, c_scale in σ(q) = (c_visit + max N) · c_scale · q


def completed(tree: Tree, rows: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """(k, A): σ of the completed Q-values: each move's mean value, and for untried moves the node's mixed value, all
    rescaled to [0, 1] within the node. Illegal moves have the mixed value too."""
    visits, prior, value = tree.visits[rows, nodes], tree.prior[rows, nodes], tree.value[rows, nodes]
    q = tree.q(rows, nodes, np.zeros(len(rows), np.float32))
    tried = visits > 0
    mass = np.where(tried, prior, 0).sum(1)
    weighted = np.where(tried, prior * q, 0).sum(1) / np.where(mass > 0, mass, 1)
    many = visits.sum(1)
    # v_mix: the network's value and the tried moves' values, which count as often as they were visited
    mixed = (value + many * np.where(mass > 0, weighted, value)) / (1 + many)
    q = np.where(tried, q, mixed[:, None])
    low, high = q.min(1, keepdims=True), q.max(1, keepdims=True)
    return (VISITS + visits.max(1, keepdims=True)) * SCALE * (q - low) / np.maximum(high - low, 1e-8)


def improved(tree: Tree, rows: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """(k, A): π' = softmax(logits + σ(completed Q)), 0 for illegal moves."""
    logits = tree.logits[rows, nodes] + completed(tree, rows, nodes)
    policy = np.exp(logits - logits.max(1, keepdims=True))
    return policy / policy.sum(1, keepdims=True)


def below(tree: Tree, rows: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """The move whose share of the visits lags most behind π'."""
    visits = tree.visits[rows, nodes]
    lag = improved(tree, rows, nodes) - visits / (1 + visits.sum(1, keepdims=True))
    return np.where(tree.positions.legal[rows, nodes], lag, -np.inf).argmax(1)


@functools.cache
def halving(considered: int, simulations: int) -> np.ndarray:
    """(considered + 1, simulations): how many visits the move to follow has, by the number of candidates and the
    simulation: sequential halving visits each candidate equally often, then the better half, and so on."""
    table = np.zeros((considered + 1, simulations), np.int32)
    for count in range(considered + 1):
        if count <= 1:
            table[count] = np.arange(simulations)
            continue
        rounds, visits, left, sequence = int(np.ceil(np.log2(count))), [0] * count, count, []
        while len(sequence) < simulations:
            for _ in range(max(1, simulations // (rounds * left))):
                sequence += visits[:left]
                visits[:left] = [one + 1 for one in visits[:left]]
            left = max(2, left // 2)
        table[count] = sequence[:simulations]
    return table


def search(
    game: Game,
    judge: Judge,
    roots: object,
    simulations: int,
    *,
    noise: float = 0.0,
    considered: int = 16,
    random: np.random.Generator,
) -> Found:
    """Searches from B roots, none of which is over.

    noise: scale of the Gumbel noise: 1 in self-play, 0 to play as well as possible. considered: the most candidate
    moves at the root.
    """
    tree = Tree(game, judge, roots, simulations + 1)
    rows, zeros = np.arange(tree.count), np.zeros(tree.count, int)
    legal = tree.positions.legal[:, 0]
    gumbel = (noise * random.gumbel(size=legal.shape)).astype(np.float32)
    table = halving(considered, simulations)[np.minimum(considered, legal.sum(1))]

    def scores(at: np.ndarray) -> np.ndarray:
        return gumbel[at] + tree.logits[at, 0] + completed(tree, at, zeros[at])

    for node in range(1, simulations + 1):
        due = table[:, node - 1]

        def at_root(tree: Tree, rows: np.ndarray, nodes: np.ndarray, due: np.ndarray = due) -> np.ndarray:
            allowed = legal[rows] & (tree.visits[rows, 0] == due[rows, None])
            return np.where(allowed, scores(rows), -np.inf).argmax(1)

        tree.simulate(node, at_root, below)
    most = tree.visits[:, 0] == tree.visits[:, 0].max(1, keepdims=True)
    action = np.where(legal & most, scores(rows), -np.inf).argmax(1)
    # of the chosen move: the mean over all candidates, which are visited to compare them, would be too low
    value = tree.q(rows, zeros, tree.value[:, 0])[rows, action]
    return Found(action, improved(tree, rows, zeros).astype(np.float32), value)
