"""The sampler `game`: a game of the network, printed move by move."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import nn

from dlplug import NonNegativeInt, PositiveInt
from dlplug_selfplay.evaluation.held_out import HeldOut
from dlplug_selfplay.games.interface import Game
from dlplug_selfplay.opponents.catalogue import OpponentName, make_opponent


def game(
    product: nn.Module,
    data: HeldOut,
    *,
    simulations: NonNegativeInt = 64,
    opponent: OpponentName | None = None,
    level: PositiveInt = 1,
    opening: NonNegativeInt = 2,
    seed: int,
) -> Iterator[str]:
    """A game of the network, which plays Black, with the value of each position and the policy of its moves.

    simulations: of the network's searches
    opponent: who plays White: random, greedy, minimax or gnugo; None: the network itself
    level: depth of minimax, level of GNU Go
    opening: random moves at the beginning
    """
    rules: Game = data.game
    network, random = data.player(product, simulations), np.random.default_rng(seed)
    other = make_opponent(opponent, rules, level, seed) if opponent else None
    position, moves = rules.start(1), []
    try:
        while not position.over[0]:
            if len(moves) < opening:
                action, by = int(random.choice(np.flatnonzero(position.legal[0]))), "at random"
            elif other and len(moves) % 2:
                action, by = int(other.moves(position, [moves])[0]), other.name
            else:
                action = int(network.moves(position, [moves])[0])
                by = f"expects {(1 + network.values(position)[0]) / 2:.2f}"
            position = rules.step(position, np.array([action]))
            moves.append(action)
            who = "XO"[(len(moves) - 1) % 2]
            yield f"\n{len(moves)}. {who} {rules.vertex(action)} ({by})\n{rules.picture(position, 0, action)}\n"
    finally:
        if other:
            other.close()
    yield {1.0: "\nX wins\n", -1.0: "\nO wins\n", 0.0: "\na draw\n"}[float(position.result[0])]
