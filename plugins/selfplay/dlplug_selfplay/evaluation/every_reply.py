"""The metric `every-reply`: plays every game that an opponent could make of it, so that no sample is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from dlplug import NonNegativeInt, UserError, checked_by
from dlplug_selfplay.evaluation.held_out import HeldOut
from dlplug_selfplay.games.interface import BLACK, WHITE, Game, mover, take
from dlplug_selfplay.playing.players import Player


def check_game(product: nn.Module, data: HeldOut, **others: Any) -> None:
    if data.rules.game != "tictactoe":
        raise UserError(f"every-reply plays tictactoe alone: {data.rules.game} has too many games")


@checked_by(check_game)
def every_reply(product: nn.Module, data: HeldOut, *, simulations: NonNegativeInt = 32) -> dict[str, Any]:
    """Plays both colours against every sequence of replies.

    simulations: of each search

    Returns lost and drawn: the number of these games that are lost, and drawn; games: their number; bare_lost: of the
    network's moves without search.
    """
    won, drawn, lost = outcomes(data.game, data.player(product, simulations))
    bare = outcomes(data.game, data.player(product, 0))
    protocol = f"every reply to both colours, {simulations} simulations a move"
    counts = {"lost": lost, "drawn": drawn, "games": won + drawn + lost, "bare_lost": bare[2]}
    return {"protocol": protocol, **{name: float(count) for name, count in counts.items()}}


def outcomes(game: Game, player: Player) -> tuple[int, int, int]:
    """(won, drawn, lost): the ends of all games in which the player makes its moves and the other any."""
    ends = np.zeros(3, int)
    for colour in (BLACK, WHITE):
        positions = game.start(1)
        while len(positions.ply):
            if mover(positions)[0] == colour:
                rows, actions = np.arange(len(positions.ply)), player.moves(positions, [])
            else:
                rows, actions = np.nonzero(positions.legal)
            positions = game.step(take(positions, rows), actions)
            results = positions.result[positions.over] * colour
            ends += [(results == 1).sum(), (results == 0).sum(), (results == -1).sum()]
            positions = take(positions, np.flatnonzero(~positions.over))
    return int(ends[0]), int(ends[1]), int(ends[2])
