"""Our network as a GTP engine, for any program that has a window for a board."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from dlplug_selfplay.games.go import Go
from dlplug_selfplay.games.interface import Game
from dlplug_selfplay.playing.players import Player

COLOURS = {"b": 0, "black": 0, "w": 1, "white": 1}


class Fault(Exception):
    """A command's error, in the protocol's words."""


class Server:
    """Answers GTP commands, version 2, for a game on the board that its network was trained on.

    Colours alternate; where a program plays one colour twice, in Go, the other passes in between.
    """

    def __init__(self, game: Game, player: Player, version: str) -> None:
        self.game, self.player, self.version = game, player, version
        self.moves: list[int] = []
        self.history: list[Any] = [game.start(1)]
        self.closed = False
        self.commands: dict[str, Callable[[list[str]], str]] = {
            "protocol_version": lambda words: "2",
            "name": lambda words: f"dlplug {game.name}",
            "version": lambda words: version,
            "known_command": lambda words: str(self._word(words, 0) in self.commands).lower(),
            "list_commands": lambda words: "\n".join(self.commands),
            "quit": self._quit,
            "boardsize": self._boardsize,
            "clear_board": self._clear,
            "komi": self._komi,
            "play": self._play,
            "genmove": self._genmove,
            "undo": self._undo,
            "showboard": lambda words: "\n" + game.picture(self.position),
            "final_score": self._final_score,
        }

    @property
    def position(self) -> Any:
        return self.history[-1]

    def answer(self, line: str) -> str:
        """The answer to a line, with the empty line that ends it; "" for a line without a command."""
        words = line.partition("#")[0].replace("\t", " ").split()
        number = words.pop(0) if words and words[0].isdigit() else ""
        if not words:
            return ""
        command = self.commands.get(words[0])
        try:
            if command is None:
                raise Fault("unknown command")
            return f"={number} {command(words[1:])}\n\n"
        except Fault as fault:
            return f"?{number} {fault}\n\n"

    def serve(self, lines: Iterable[str], write: Callable[[str], object]) -> None:
        """Answers lines until `quit` or their end."""
        for line in lines:
            if answer := self.answer(line):
                write(answer)
            if self.closed:
                return

    @staticmethod
    def _word(words: list[str], index: int) -> str:
        if index >= len(words):
            raise Fault("syntax error")
        return words[index]

    def _quit(self, words: list[str]) -> str:
        self.closed = True
        return ""

    def _boardsize(self, words: list[str]) -> str:
        size = self._word(words, 0)
        if not size.isdigit():
            raise Fault("boardsize not an integer")
        if int(size) != self.game.height:
            raise Fault("unacceptable size")
        return self._clear(words)

    def _clear(self, words: list[str]) -> str:
        self.moves, self.history = [], [self.game.start(1)]
        return ""

    def _komi(self, words: list[str]) -> str:
        try:
            komi = float(self._word(words, 0))
        except ValueError:
            raise Fault("komi not a float") from None
        if isinstance(self.game, Go):
            self.game.komi = komi
        return ""

    def _play(self, words: list[str]) -> str:
        colour = COLOURS.get(self._word(words, 0).lower())
        action = self.game.action(self._word(words, 1))
        if colour is None or action is None:
            raise Fault("invalid color or coordinate")
        before = len(self.moves)
        try:
            self._turn(colour)
            self._make(action)
        except Fault:
            self._back_to(before)
            raise
        return ""

    def _genmove(self, words: list[str]) -> str:
        colour = COLOURS.get(self._word(words, 0).lower())
        if colour is None:
            raise Fault("invalid color")
        if self.position.over[0]:
            return "pass"
        self._turn(colour)
        action = int(self.player.moves(self.position, [self.moves])[0])
        self._make(action)
        return self.game.vertex(action)

    def _undo(self, words: list[str]) -> str:
        if not self.moves:
            raise Fault("cannot undo")
        self._back_to(len(self.moves) - 1)
        return ""

    def _final_score(self, words: list[str]) -> str:
        if isinstance(self.game, Go):
            score = float(self.game.score(self.position.board)[0]) - self.game.komi
        elif self.position.over[0]:
            score = float(self.position.result[0])
        else:
            raise Fault("cannot score")
        return "0" if score == 0 else f"{'B' if score > 0 else 'W'}+{abs(score):g}"

    def _turn(self, colour: int) -> None:
        """Makes it a colour's turn."""
        if len(self.moves) % 2 != colour:
            self._make(self.game.points)

    def _make(self, action: int) -> None:
        if action >= self.game.actions or not self.position.legal[0, action]:
            raise Fault("illegal move")
        self.history.append(self.game.step(self.position, np.array([action])))
        self.moves.append(action)

    def _back_to(self, length: int) -> None:
        del self.moves[length:]
        del self.history[length + 1 :]
