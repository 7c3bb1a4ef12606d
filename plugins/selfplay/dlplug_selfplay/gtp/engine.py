"""An engine that speaks GTP, as a player: GNU Go, or any other."""

from __future__ import annotations

import contextlib
import logging
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import numpy as np

from dlplug import UserError
from dlplug_selfplay.games.go import Go
from dlplug_selfplay.games.interface import Game

log = logging.getLogger("dlplug")

COLOURS = ("black", "white")


class Refused(Exception):
    """The engine answered a command with an error."""


class Died(Exception):
    """The engine's process has ended."""


class Engine:
    """A process that answers GTP commands. Raises UserError where it cannot be started."""

    def __init__(self, command: Sequence[str]) -> None:
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except OSError as error:
            raise UserError(f"{command[0]} cannot be started: {error.strerror}") from error

    def ask(self, *words: object) -> str:
        """The answer to a command. Raises Refused, or Died."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(" ".join(map(str, words)) + "\n")
            stdin.flush()
        except OSError:
            raise Died from None
        lines: list[str] = []
        while line := stdout.readline():
            if line.strip():
                lines.append(line.strip())
            elif lines:  # an answer ends with an empty line
                answer = "\n".join(lines)
                if answer.startswith("?"):
                    raise Refused(answer.lstrip("?0123456789 "))
                return answer.removeprefix("=").strip()
        raise Died

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()


class GtpPlayer:
    """Plays any number of games with one engine: before each move it is told the game, unless it knows it.

    An engine that dies is started again, once, and told the game; if it dies again, UserError is raised. A move of the
    engine's that our rules forbid (they forbid every repetition of a board) counts as a pass.
    """

    def __init__(self, game: Game, command: Sequence[str], name: str) -> None:
        self.game, self.command, self.name = game, command, name
        self.deaths = self.refusals = 0
        self.engine, self.told = Engine(command), [-1]  # no game has a move -1
        self.ask("protocol_version")

    def moves(self, positions: Any, games: Sequence[Sequence[int]]) -> np.ndarray:
        return np.array([self._move(legal, [*game]) for legal, game in zip(positions.legal, games, strict=True)])

    def _move(self, legal: np.ndarray, moves: list[int]) -> int:
        while True:
            try:
                self._tell(moves)
                answer = self.engine.ask("genmove", COLOURS[len(moves) % 2])
                break
            except Died:
                self._restart()
            except Refused as error:
                raise UserError(f"{self.name} refuses a command: {error}") from error
        action = self.game.action(answer)
        if action is None or not legal[action]:
            if not legal[self.game.points :].any():
                raise UserError(f"{self.name} plays {answer}, which is not legal here")
            self.refusals += 1
            self.told = [-1]
            return self.game.points
        self.told.append(action)
        return action

    def ask(self, *words: object) -> str:
        """The answer of the engine to a command that is no move."""
        try:
            return self.engine.ask(*words)
        except Died:
            self._restart()
            return self.ask(*words)

    def _tell(self, moves: list[int]) -> None:
        """Sets up the position after these moves."""
        if moves[: len(self.told)] != self.told:
            self.engine.ask("boardsize", self.game.height)
            if isinstance(self.game, Go):
                self.engine.ask("komi", self.game.komi)
            self.engine.ask("clear_board")
            self.told = []
        for ply in range(len(self.told), len(moves)):
            self.engine.ask("play", COLOURS[ply % 2], self.game.vertex(moves[ply]))
        self.told = [*moves]

    def _restart(self) -> None:
        self.deaths += 1
        self.engine.close()
        if self.deaths > 1:
            raise UserError(f"{self.name} ({self.command[0]}) died twice in mid-game: {' '.join(self.command)}")
        log.warning(f"{self.name} died in mid-game; it is started again, once")
        self.engine, self.told = Engine(self.command), [-1]

    def remarks(self) -> str:
        died = f", which died {self.deaths} time and was started again" if self.deaths else ""
        return died + (f", {self.refusals} forbidden moves taken for passes" if self.refusals else "")

    def close(self) -> None:
        self.engine.close()


def gnugo(game: Game, level: int, seed: int) -> GtpPlayer:
    """GNU Go at a level, 1 to 10, playing until all dead stones are captured, as Tromp and Taylor count them. Raises
    UserError where it is not installed."""
    if not isinstance(game, Go):
        raise UserError(f"gnugo plays go, not {game.name}")
    path = shutil.which("gnugo") or shutil.which("gnugo", path="/usr/games")
    if path is None:
        raise UserError("GNU Go is not installed: apt-get install gnugo (Debian, Ubuntu), brew install gnu-go (macOS)")
    options = ["--never-resign", "--chinese-rules", "--capture-all-dead", "--play-out-aftermath"]
    command = [path, "--mode", "gtp", "--level", str(level), "--seed", str(seed % 2**31), *options]
    return GtpPlayer(game, command, f"GNU Go level {level}")
