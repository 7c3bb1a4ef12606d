"""Opponents by name."""

from __future__ import annotations

from typing import Literal, Protocol

from dlplug import UserError
from dlplug_selfplay.games.interface import Game
from dlplug_selfplay.opponents.greedy import GreedyPlayer
from dlplug_selfplay.opponents.minimax import MinimaxPlayer
from dlplug_selfplay.playing.players import Player, RandomPlayer

OpponentName = Literal["random", "greedy", "minimax", "gnugo"]
GREEDY = ("othello", "go")  # where stones are captured


class Opponent(Player, Protocol):
    def remarks(self) -> str:
        """What the protocol must say of the games, such as a restart; "" or a text with a comma before it."""
        ...

    def close(self) -> None: ...


class Builtin:
    """A player of ours as an opponent."""

    def __init__(self, player: Player) -> None:
        self.name, self.moves = player.name, player.moves

    def remarks(self) -> str:
        return ""

    def close(self) -> None: ...


def make_opponent(name: OpponentName, game: Game, level: int, seed: int) -> Opponent:
    """An opponent by its name. level: of minimax and GNU Go. Raises UserError where it does not play that game, or is
    not installed."""
    if name == "random":
        return Builtin(RandomPlayer(seed))
    if name == "minimax":
        return Builtin(MinimaxPlayer(game, level, seed))
    if name == "greedy":
        if game.name not in GREEDY:
            raise UserError(f"greedy counts stones, and plays {' and '.join(GREEDY)}, not {game.name}")
        return Builtin(GreedyPlayer(game, seed))
    from dlplug_selfplay.gtp.engine import gnugo

    return gnugo(game, level, seed)
