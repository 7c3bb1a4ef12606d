"""`dlplug play RUN`: against a network, in the terminal or over GTP."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from dlplug import CommandParser, UserError, parsed_by
from dlplug_selfplay.games.interface import Game

if TYPE_CHECKING:
    from dlplug.host.plugins import Host
    from dlplug_selfplay.playing.players import NetworkPlayer

SHOWN = 5  # moves of the network's policy


def play_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug play",
        description="Plays against the network of a run: a run folder, or a recipe for its newest run. Type a move (b3;"
        " a column's number in Connect Four; pass), undo, hint or quit.",
    )
    add = parser.add_argument
    add("run", metavar="RUN", help="a run folder, or a recipe's name for its newest run")
    add("--simulations", type=int, default=64, help="simulations of the network's searches; 0: none (default: 64)")
    add("--colour", choices=("black", "white"), default="black", help="your colour; Black begins (default: black)")
    add("--gtp", action="store_true", help="speak GTP on standard input and output, for a Go program's window")
    return parser


@parsed_by(play_parser)
def play(flags: Any, host: Host) -> int:
    """Plays a board game against a run's network, in the terminal or over GTP."""
    from dlplug_selfplay.gtp.server import Server
    from dlplug_selfplay.trained import player_of

    if flags.simulations < 0:
        raise UserError(f"--simulations is at least 0, got {flags.simulations}")
    held_out, player = player_of(flags.run, flags.simulations, host)
    if flags.gtp:

        def write(text: str) -> None:
            print(text, end="", flush=True)

        Server(held_out.game, player, player.name).serve(sys.stdin, write)
        return 0
    Table(held_out.game, player, flags.colour == "black").play()
    return 0


class Table:
    """A person's game against a network."""

    def __init__(self, game: Game, player: NetworkPlayer, person_begins: bool) -> None:
        self.game, self.player = game, player
        self.persons = 0 if person_begins else 1
        self.history: list[Any] = [game.start(1)]
        self.moves: list[int] = []

    def play(self) -> None:
        """Plays to the end, or until the person quits. Whoever can only pass passes."""
        while not self.history[-1].over[0]:
            position = self.history[-1]
            if len(self.moves) % 2 != self.persons:
                action = int(self.player.moves(position, [self.moves])[0])
                print(f"\nthe network plays {self.game.vertex(action)}; {self.opinion()}")
            else:
                print(f"\n{self.game.picture(position, 0, self.moves[-1] if self.moves else None)}")
                if (typed := self.ask(position)) is None:
                    return
                if typed < 0:
                    self.take_back()
                    continue
                action = typed
            self.moves.append(action)
            self.history.append(self.game.step(position, np.array([action])))
        result = float(self.history[-1].result[0]) * (1 if self.persons == 0 else -1)
        print(f"\n{self.game.picture(self.history[-1], 0, self.moves[-1])}")
        print({1.0: "you win", 0.0: "a draw", -1.0: "the network wins"}[result])

    def ask(self, position: Any) -> int | None:
        """A legal move; -1 to take moves back; None to quit."""
        sign = "XO"[self.persons]
        while True:
            try:
                word = input(f"{sign} to move: ").strip().lower()
            except EOFError:
                return None
            if word in ("quit", "exit", "q"):
                return None
            if word == "undo":
                return -1
            if word == "hint":
                print(self.opinion())
                continue
            action = self.game.action(word)
            if action is not None and position.legal[0, action]:
                return action
            legal = [self.game.vertex(int(one)) for one in np.flatnonzero(position.legal[0])]
            why = "is not on the board" if action is None else "is not legal here"
            print(f"{word!r} {why}: {', '.join(legal)}; or undo, hint, quit")

    def take_back(self) -> None:
        """The person's last move and the network's reply."""
        keep = max(self.persons, len(self.moves) - 2) if len(self.moves) >= 2 else len(self.moves)
        del self.moves[keep:]
        del self.history[keep + 1 :]

    def opinion(self) -> str:
        """The network's policy and value in this position, without search."""
        position = self.history[-1]
        logits, value = self.player.judge(position)
        logits = np.where(position.legal[0], logits[0], -np.inf)
        policy = np.exp(logits - logits.max())
        policy /= policy.sum()
        best = np.argsort(-policy)[: min(SHOWN, int(position.legal[0].sum()))]
        moves = ", ".join(f"{self.game.vertex(int(action))} {policy[action]:.0%}" for action in best)
        who = "XO"[len(self.moves) % 2]
        return f"its policy: {moves}; it expects {(1 + value[0]) / 2:.2f} points for {who}"
