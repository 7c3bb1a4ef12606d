"""Games that a row of stones wins: tic-tac-toe and Connect Four."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dlplug_selfplay.games.interface import Game, mover, square_symmetries


class Stones(NamedTuple):
    """Positions that are stones on a board and nothing else (see `Position`)."""

    board: np.ndarray
    ply: np.ndarray
    legal: np.ndarray
    over: np.ndarray
    result: np.ndarray


def rows_through(height: int, width: int, length: int) -> np.ndarray:
    """(points, m, length): the rows of `length` points through each point; fewer than m are filled up by repetition."""
    through: list[list[list[int]]] = [[] for _ in range(height * width)]
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
                last_y, last_x = y + (length - 1) * dy, x + (length - 1) * dx
                if 0 <= last_y < height and 0 <= last_x < width:
                    row = [(y + k * dy) * width + x + k * dx for k in range(length)]
                    for point in row:
                        through[point].append(row)
    most = max(map(len, through))
    return np.array([rows + rows[:1] * (most - len(rows)) for rows in through])


class RowGame(Game):
    """A game that the first row of stones wins, and that a full board draws."""

    planes = 2

    def __init__(self, height: int, width: int, length: int, actions: int) -> None:
        self.height, self.width, self.actions, self.longest = height, width, actions, height * width
        self.rows = rows_through(height, width, length)
        self.length = length

    def start(self, count: int) -> Stones:
        return Stones(
            np.zeros((count, self.points), np.int8),
            np.zeros(count, np.int16),
            np.ones((count, self.actions), bool),
            np.zeros(count, bool),
            np.zeros(count, np.float32),
        )

    def place(self, positions: Stones, points: np.ndarray) -> Stones:
        """A stone of the player to move on a point of each board; `legal` is left as it is."""
        board, colour, index = positions.board.copy(), mover(positions), np.arange(len(points))
        board[index, points] = colour
        sums = board[index[:, None, None], self.rows[points]].sum(2, dtype=np.int8)  # (n, m)
        won = (sums == self.length * colour[:, None]).any(1)
        ply = positions.ply + 1
        over = won | (ply == self.points)
        return Stones(board, ply.astype(np.int16), positions.legal, over, np.where(won, colour, 0).astype(np.float32))


class TicTacToe(RowGame):
    name, title = "tictactoe", "Tic-tac-toe"

    def __init__(self) -> None:
        super().__init__(3, 3, 3, 9)
        self.point_symmetries = self.action_symmetries = square_symmetries(3)

    def step(self, positions: Stones, actions: np.ndarray) -> Stones:
        after = self.place(positions, actions)
        return after._replace(legal=(after.board == 0) & ~after.over[:, None])


class Connect4(RowGame):
    """Connect Four, 7 wide and 6 high. A move is a column, and the stone falls to its lowest empty point; point 0 is
    the upper left corner."""

    name, title = "connect4", "Connect Four"

    def __init__(self) -> None:
        super().__init__(6, 7, 4, 7)
        points = np.arange(42).reshape(6, 7)
        self.point_symmetries = np.stack([points.ravel(), points[:, ::-1].ravel()])
        self.action_symmetries = np.stack([np.arange(7), np.arange(7)[::-1]])

    def step(self, positions: Stones, actions: np.ndarray) -> Stones:
        columns = positions.board.reshape(-1, 6, 7)
        free = (columns[np.arange(len(actions)), :, actions] == 0).sum(
            1
        )  # empty points in each column that is moved in
        after = self.place(positions, (free - 1) * 7 + actions)
        return after._replace(legal=(after.board[:, :7] == 0) & ~after.over[:, None])

    def vertex(self, action: int) -> str:
        """A column's number from the left, from 1."""
        return str(action + 1)

    def picture(self, positions: Stones, row: int = 0, marked: int | None = None) -> str:
        if marked is not None:  # the stone on top of the column
            marked += 7 * int((positions.board[row].reshape(6, 7)[:, marked] == 0).sum())
        lines = super().picture(positions, row, marked).splitlines()[:-1]
        return "\n".join([*(line[2:] for line in lines), "".join(f" {column} " for column in range(1, 8))])
