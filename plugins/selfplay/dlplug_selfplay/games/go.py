"""Go by Tromp and Taylor's rules without suicide: area scoring, positional superko, and a cap on the length."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dlplug_selfplay.games.groups import merged, neighbours_on
from dlplug_selfplay.games.interface import BLACK, Game, mover, own_and_other, square_symmetries, with_pass

STEPS = ((-1, 0), (0, -1), (0, 1), (1, 0))


class GoPosition(NamedTuple):
    """Positions (see `Position`), and what the rules remember.

    group: (n, points) int16, the name of each stone's group, -1 where there is none. hashes: (n, longest + 1) uint64,
    the hash of the board after each ply so far. passed: (n,) bool, whether the last move was a pass. captured: (n,)
    bool, whether a stone has been captured so far.
    """

    board: np.ndarray
    ply: np.ndarray
    legal: np.ndarray
    over: np.ndarray
    result: np.ndarray
    group: np.ndarray
    hashes: np.ndarray
    passed: np.ndarray
    captured: np.ndarray


class Go(Game):
    """The move `points` is the pass; two in a row end the game, as does the cap of 2 · size² plies. The board is then
    scored as it stands: at the cap nobody wins by having moved last.

    margin: the share of the score in a result, which is else 1 or -1: (1 - margin) · sign + margin · lead / greatest
    lead. Where one side cannot but win at first, as with a large komi, it shows the other the way.

    Positional superko (a move may not recreate any earlier board) compares 64-bit Zobrist sums.
    """

    name, title, planes = "go", "Go", 5

    def __init__(self, size: int = 9, komi: float = 7.0, margin: float = 0.0) -> None:
        self.height = self.width = size
        self.komi, self.margin = komi, margin
        self.actions, self.longest = size * size + 1, 2 * size * size
        self.neighbours = neighbours_on(size, size, STEPS, outside=size * size)
        self.point_symmetries = square_symmetries(size)
        self.action_symmetries = with_pass(self.point_symmetries)
        numbers = np.random.default_rng(20_161_127).integers(1, 2**64, (2, size * size), dtype=np.uint64)
        self.zobrist = numbers  # of a black stone, and of a white one, on each point

    def start(self, count: int) -> GoPosition:
        points = self.points
        return GoPosition(
            np.zeros((count, points), np.int8),
            np.zeros(count, np.int16),
            np.ones((count, points + 1), bool),
            np.zeros(count, bool),
            np.zeros(count, np.float32),
            np.full((count, points), -1, np.int16),
            np.zeros((count, self.longest + 1), np.uint64),
            np.zeros(count, bool),
            np.zeros(count, bool),
        )

    def step(self, positions: GoPosition, actions: np.ndarray) -> GoPosition:
        colour, index = mover(positions), np.arange(len(actions))
        passes = actions == self.points
        board, group = positions.board, positions.group
        captured = positions.captured.copy()
        plays = np.flatnonzero(~passes)
        if len(plays):
            board, group = board.copy(), group.copy()
            board[plays], group[plays], taken = self._placed(board[plays], group[plays], colour[plays], actions[plays])
            captured[plays] |= taken
        ply = positions.ply + np.int16(1)
        hashes = positions.hashes.copy()
        hashes[index, ply] = self.hash(board)
        over = (passes & positions.passed) | (ply >= self.longest)
        result = np.zeros(len(actions), np.float32)
        if over.any():
            lead = self.score(board[over]) - self.komi
            result[over] = (1 - self.margin) * np.sign(lead) + self.margin * lead / (self.points + abs(self.komi))
        legal = np.zeros((len(actions), self.actions), bool)
        goes_on = np.flatnonzero(~over)
        if len(goes_on):
            legal[goes_on, :-1] = self._playable(
                board[goes_on], group[goes_on], -colour[goes_on], hashes[goes_on], ply[goes_on], captured[goes_on]
            )
            legal[goes_on, -1] = True
        return GoPosition(board, ply, legal, over, result, group, hashes, passes, captured)

    def _placed(
        self, board: np.ndarray, group: np.ndarray, colour: np.ndarray, points: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Boards and groups after a stone on a point of each, and whether it captures."""
        index = np.arange(len(points))
        board[index, points] = colour
        edged = np.pad(board, ((0, 0), (0, 1)))  # the point off the board
        neighbours = self.neighbours[points]
        around = edged[index[:, None], neighbours]
        inside = np.minimum(neighbours, self.points - 1)  # what is off the board is neither colour
        group = merged(group, points, inside, around == colour[:, None])
        # an opponent's group next to the stone that has no liberty left is captured
        names = np.where(around == -colour[:, None], np.take_along_axis(group, inside, 1), -2)
        breathes = (edged[:, self.neighbours] == 0) & (self.neighbours < self.points)  # (n, points, 4)
        members = group[:, :, None] == names[:, None, :]  # (n, points, 4), one for each neighbour of the stone
        alive = (members & breathes.any(2)[:, :, None]).any(1)
        taken = (members & ~alive[:, None, :]).any(2)
        return np.where(taken, np.int8(0), board), np.where(taken, np.int16(-1), group), taken.any(1)

    def _playable(
        self,
        board: np.ndarray,
        group: np.ndarray,
        colour: np.ndarray,
        hashes: np.ndarray,
        ply: np.ndarray,
        captured: np.ndarray,
    ) -> np.ndarray:
        """(n, points) bool: empty, neither suicide nor a repetition. colour: of who moves."""
        count, points = len(board), self.points
        edged = np.pad(board, ((0, 0), (0, 1)), constant_values=3)
        around = edged[:, self.neighbours]  # (n, points, 4); 3 is off the board
        names = np.where(group < 0, points, group) + np.arange(count)[:, None] * (points + 1)  # one name space for all
        # A group's pseudo-liberties, their sum and their sum of squares: it is in atari where all are one point, that
        # is where count · squares = sum² (Cauchy and Schwarz).
        empty = around == 0
        single, total, squares = (
            np.bincount(names.ravel(), (empty * weight).sum(2).ravel(), count * (points + 1))
            for weight in (1.0, self.neighbours, self.neighbours**2)
        )
        atari = single * squares == total**2
        atari = atari[names]  # (n, points), of each stone's group
        near = np.minimum(self.neighbours, points - 1)
        near_atari = atari[:, near]
        own = (around == colour[:, None, None]) & ~near_atari
        takes = (around == -colour[:, None, None]) & near_atari
        playable = (board == 0) & (empty | own | takes).any(2)
        # The board after the move: without a capture so far, and by this move, there are more stones than ever.
        needs = np.flatnonzero(captured | takes.any((1, 2)))
        if len(needs):
            rows = np.arange(len(needs))[:, None, None]
            stones = np.where(board == BLACK, self.zobrist[0], self.zobrist[1])[needs]
            sums = np.zeros((len(needs), points + 1), np.uint64)
            local = np.where(group[needs] < 0, points, group[needs])
            np.add.at(sums, (np.arange(len(needs))[:, None], local), stones)
            neighbour = np.where(takes[needs], local[:, near], points)  # the captured group on each side, or none
            repeated = np.zeros_like(neighbour, bool)  # one group on two sides is captured once
            for k in range(1, 4):
                repeated[:, :, k] = (neighbour[:, :, :k] == neighbour[:, :, k : k + 1]).any(2)
            sums[:, points] = 0
            removed = np.where(repeated, np.uint64(0), sums[rows, neighbour]).sum(2, dtype=np.uint64)
            placed = np.where(colour[needs, None] == BLACK, self.zobrist[0], self.zobrist[1])
            now = hashes[needs, ply[needs]]
            after = now[:, None] + placed - removed
            longest = int(ply[needs].max()) + 1
            seen = (after[:, :, None] == hashes[needs, None, :longest]).any(2)
            # rows of later plies hold 0, the hash of the empty board, which no move leaves
            playable[needs] &= ~seen
        return playable

    def hash(self, board: np.ndarray) -> np.ndarray:
        """(n,) uint64: the sum, modulo 2^64, of a number for each stone."""
        black = np.where(board == BLACK, self.zobrist[0], np.uint64(0)).sum(1, dtype=np.uint64)
        return black + np.where(board == -BLACK, self.zobrist[1], np.uint64(0)).sum(1, dtype=np.uint64)

    def score(self, board: np.ndarray) -> np.ndarray:
        """(n,): Black's area minus White's, without komi: stones, and the empty points that reach only one colour."""
        edged = np.pad(board, ((0, 0), (0, 1)), constant_values=3)
        empty = edged == 0
        areas = []
        for colour in (BLACK, -BLACK):
            reach = edged == colour
            while True:
                wider = reach.copy()
                wider[:, :-1] |= reach[:, self.neighbours].any(2) & empty[:, :-1]
                if (wider == reach).all():
                    break
                reach = wider
            areas.append(reach[:, :-1])
        black, white = areas
        return (black & ~white).sum(1) - (white & ~black).sum(1)

    def observe(self, positions: GoPosition) -> np.ndarray:
        """Own stones, other stones, whether Black is to move (komi has a side), where one may play (ko has a past),
        and whether the last move was a pass."""
        count, shape = len(positions.board), (1, self.height, self.width)
        planes = own_and_other(positions, self.height, self.width)
        black = np.broadcast_to((mover(positions) == BLACK)[:, None, None, None], (count, *shape))
        playable = positions.legal[:, :-1].reshape(count, *shape)
        passed = np.broadcast_to(positions.passed[:, None, None, None], (count, *shape))
        return np.concatenate([planes, black, playable, passed], 1)
