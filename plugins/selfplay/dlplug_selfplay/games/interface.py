"""The interface of a game's rules: positions as arrays with a row per board, and functions that step all rows."""

from __future__ import annotations

import functools
import string
from typing import Any, Protocol, TypeVar

import numpy as np

BLACK, WHITE, EMPTY = 1, -1, 0  # Black moves first, in every game


class Position(Protocol):
    """n positions: a NamedTuple of arrays whose first axis is the board.

    board: (n, points) int8, BLACK, WHITE or EMPTY. ply: (n,) int16, the number of moves made. legal: (n, actions)
    bool, the legal moves, none where the game is over. over: (n,) bool. result: (n,) float32, 1 where Black has won,
    -1 where White has, 0 for a draw and while the game is not over.
    """

    @property
    def board(self) -> np.ndarray: ...
    @property
    def ply(self) -> np.ndarray: ...
    @property
    def legal(self) -> np.ndarray: ...
    @property
    def over(self) -> np.ndarray: ...
    @property
    def result(self) -> np.ndarray: ...
    @property
    def _fields(self) -> tuple[str, ...]: ...


P = TypeVar("P", bound=Any)  # a NamedTuple of arrays


def take(positions: P, rows: Any) -> P:
    """The positions of some rows (an index array, a mask or a slice)."""
    return type(positions)(*(field[rows] for field in positions))


def put(positions: Any, rows: Any, values: Any) -> None:
    """Overwrites rows in place."""
    for field, value in zip(positions, values, strict=True):
        field[rows] = value


def joined(parts: list[P]) -> P:
    """The positions of several batches in one."""
    return type(parts[0])(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))


def mover(positions: Position) -> np.ndarray:
    """(n,) int8: the colour whose turn it is. Colours alternate strictly: a pass is a move."""
    return (1 - 2 * (positions.ply & 1)).astype(np.int8)


def outcome(positions: Position) -> np.ndarray:
    """(n,) float32: the result for the player whose turn it is."""
    return positions.result * mover(positions)


class Game:
    """The rules of one game.

    name: such as "connect4". height, width: of the board. actions: number of moves, the first of which are points or
    columns. planes: channels of an observation. longest: largest number of plies in a game.
    point_symmetries: (k, points), point_symmetries[s, p] is where symmetry s takes point p. action_symmetries: (k,
    actions), likewise. The first is the identity.
    """

    name: str
    title: str
    height: int
    width: int
    actions: int
    planes: int
    longest: int
    point_symmetries: np.ndarray
    action_symmetries: np.ndarray

    @property
    def points(self) -> int:
        return self.height * self.width

    def start(self, count: int) -> Any:
        """That many positions before the first move."""
        raise NotImplementedError

    def step(self, positions: Any, actions: np.ndarray) -> Any:
        """The positions after a move in each. actions: (n,), legal in its row; what an illegal one gives is undefined,
        as is a step of a game that is over."""
        raise NotImplementedError

    def observe(self, positions: Any) -> np.ndarray:
        """(n, planes, height, width) bool, what a network sees: first the stones of the player to move, then those of
        the other."""
        return own_and_other(positions, self.height, self.width)

    def vertex(self, action: int) -> str:
        """A move as people and GTP write it: the column's letter, without I, and the row's number from below."""
        if action == self.points:
            return "pass"
        row, column = divmod(action, self.width)
        return f"{LETTERS[column]}{self.height - row}"

    def action(self, vertex: str) -> int | None:
        """The move written as `vertex`; None where nothing of that name is on the board."""
        return self._actions.get(vertex.strip().lower())

    @functools.cached_property
    def _actions(self) -> dict[str, int]:
        return {self.vertex(action).lower(): action for action in range(self.actions)}

    def picture(self, positions: Any, row: int = 0, marked: int | None = None) -> str:
        """The board of a row in text; `marked` is an action to point out."""
        board = positions.board[row].reshape(self.height, self.width)
        lines = []
        for y in range(self.height):
            cells = [_cell(board[y, x], marked == y * self.width + x) for x in range(self.width)]
            lines.append(f"{' ' * self.slant(y)}{self.height - y:2d}{''.join(cells)}")
        letters = "".join(f" {LETTERS[x]} " for x in range(self.width))
        return "\n".join([*lines, f"{' ' * self.slant(self.height)}  {letters}"])

    def slant(self, row: int) -> int:
        """The number of spaces by which a row of the picture is moved to the right."""
        return 0


LETTERS = string.ascii_uppercase.replace("I", "")
SIGNS = {BLACK: "X", WHITE: "O", EMPTY: "."}


def _cell(colour: int, marked: bool) -> str:
    return f"({SIGNS[int(colour)]})" if marked else f" {SIGNS[int(colour)]} "


def own_and_other(positions: Position, height: int, width: int) -> np.ndarray:
    """(n, 2, height, width) bool: the stones of the player to move, and of the other."""
    own = positions.board * mover(positions)[:, None]
    return np.stack([own == 1, own == -1], 1).reshape(-1, 2, height, width)


def square_symmetries(size: int) -> np.ndarray:
    """(8, size²): the symmetries of a square: rotations, and rotations of the mirror image."""
    grid = np.arange(size * size).reshape(size, size)
    return np.stack([np.rot90(one, turns).ravel() for one in (grid, grid.T) for turns in range(4)])


def with_pass(symmetries: np.ndarray) -> np.ndarray:
    """(k, points + 1): no symmetry changes the pass."""
    return np.pad(symmetries, ((0, 0), (0, 1)), constant_values=symmetries.shape[1])
