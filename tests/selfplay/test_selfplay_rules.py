"""The rules of each game, beside OpenSpiel's and beside slow ones, and what goes wrong elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from dlplug_selfplay.games.catalogue import make_game
from dlplug_selfplay.games.go import Go
from dlplug_selfplay.games.hex import Hex
from dlplug_selfplay.games.interface import mover, outcome, take
from dlplug_selfplay.games.othello import Othello
from dlplug_selfplay.games.rows import Connect4, TicTacToe

from dlplug import UserError

ALL = [TicTacToe(), Connect4(), Hex(4), Othello(6), Go(4, 2.5)]


def played(game, *words: str):
    """The position after moves written as vertices."""
    position = game.start(1)
    for word in words:
        action = game.action(word)
        assert action is not None
        assert position.legal[0, action], word
        position = game.step(position, np.array([action]))
    return position


def random_positions(game, count: int, plies: int, seed: int):
    random, positions = np.random.default_rng(seed), game.start(count)
    for _ in range(plies):
        alive = np.flatnonzero(~positions.over)
        positions = take(positions, alive)
        actions = np.where(positions.legal, random.random(positions.legal.shape), -1).argmax(1)
        positions = game.step(positions, actions) if len(alive) else positions
    return positions


@pytest.mark.parametrize(
    ("game", "name"),
    [
        (TicTacToe(), "tic_tac_toe"),
        (Connect4(), "connect_four"),
        (Hex(3), "hex(board_size=3)"),
        (Hex(5), "hex(board_size=5)"),
        (Othello(8), "othello"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_random_games_are_open_spiels(game, name):
    oracle = pytest.importorskip("oracle")
    assert oracle.compare_random_games(game, name, 40, seed=1) > 100


@pytest.mark.parametrize(("size", "games"), [(2, 20), (3, 25), (5, 10)])
def test_random_games_of_go_are_open_spiels(size, games):
    oracle = pytest.importorskip("oracle")
    compared, repetitions = oracle.compare_random_go(Go(size, 0.5), games, seed=2)
    assert compared > 100
    assert repetitions or size > 3  # on small boards random games reach forbidden repetitions


def test_othello_of_six_is_what_the_slow_rules_say():
    """OpenSpiel has Othello on 8x8 alone."""
    game, random = Othello(6), np.random.default_rng(3)
    positions = game.start(8)
    while not positions.over.all():
        for row in np.flatnonzero(~positions.over):
            board, colour = positions.board[row].reshape(6, 6), mover(positions)[row]
            legal = [p for p in range(36) if slow_flips(board, colour, p)]
            assert [*np.flatnonzero(positions.legal[row])] == (legal or [36])
        alive = take(positions, np.flatnonzero(~positions.over))
        actions = np.array([random.choice(np.flatnonzero(legal)) for legal in alive.legal])
        positions = game.step(alive, actions)
        for row, action in enumerate(actions):
            expected, colour = alive.board[row].reshape(6, 6).copy(), mover(alive)[row]
            if action < 36:
                for y, x in [*slow_flips(expected, colour, action), divmod(int(action), 6)]:
                    expected[y, x] = colour
            assert (positions.board[row].reshape(6, 6) == expected).all()
            black_can, white_can = (
                any(slow_flips(expected, one, p) for p in range(36)) for one in (np.int8(1), np.int8(-1))
            )
            assert positions.over[row] == (not black_can and not white_can)
            if positions.over[row]:
                assert positions.result[row] == np.sign(expected.sum())


def slow_flips(board, colour, point) -> list[tuple[int, int]]:
    y, x = divmod(int(point), 6)
    flips = []
    if board[y, x]:
        return []
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            run, v, u = [], y + dy, x + dx
            while (dy or dx) and 0 <= v < 6 and 0 <= u < 6 and board[v, u] == -colour:
                run.append((v, u))
                v, u = v + dy, u + dx
            if run and 0 <= v < 6 and 0 <= u < 6 and board[v, u] == colour:
                flips += run
    return flips


@pytest.mark.parametrize("game", ALL, ids=lambda game: game.name)
def test_a_symmetry_of_a_game_is_a_game(game):
    """Random games, each seen through every symmetry: legal moves and results go along."""
    random = np.random.default_rng(4)
    count = len(game.action_symmetries)
    positions = game.start(count)
    if game.name == "othello":  # its first position has not all symmetries: those of the colours' diagonals
        keeps = [s for s in range(count) if (positions.board[0, game.point_symmetries[s]] == positions.board[0]).all()]
    else:
        keeps = [*range(count)]
    rows = np.array(keeps)
    positions = take(positions, rows)
    symmetries = game.action_symmetries[rows]
    while not positions.over[0]:
        action = random.choice(np.flatnonzero(positions.legal[0]))
        for row, symmetry in enumerate(symmetries):
            assert (positions.legal[row, symmetry] == positions.legal[0]).all()
        positions = game.step(positions, symmetries[:, action])
        assert (positions.over == positions.over[0]).all()
        assert (positions.result == positions.result[0]).all()


@pytest.mark.parametrize("game", ALL, ids=lambda game: game.name)
def test_the_rows_of_a_batch_do_not_see_each_other(game):
    random = np.random.default_rng(5)
    positions = random_positions(game, 64, 6, 5)
    actions = np.where(positions.legal, random.random(positions.legal.shape), -1).argmax(1)
    before = type(positions)(*(field.copy() for field in positions))
    together = game.step(positions, actions)
    for row in range(len(actions)):
        alone = game.step(take(positions, [row]), actions[row : row + 1])
        for one, other in zip(alone, together, strict=True):
            assert (one[0] == other[row]).all()
    for one, other in zip(before, positions, strict=True):
        assert (one == other).all()  # a step leaves its argument alone


@pytest.mark.parametrize("game", ALL, ids=lambda game: game.name)
def test_an_ended_game_has_no_moves_and_every_other_has(game):
    positions = game.start(200)
    random, lengths = np.random.default_rng(6), 0
    while len(positions.ply):
        assert (positions.legal.any(1) == ~positions.over).all()
        assert (positions.result[~positions.over] == 0).all()
        lengths = max(lengths, int(positions.ply.max()))
        positions = take(positions, np.flatnonzero(~positions.over))
        actions = np.where(positions.legal, random.random(positions.legal.shape), -1).argmax(1)
        positions = game.step(positions, actions) if len(actions) else positions
    assert lengths <= game.longest


@pytest.mark.parametrize("game", ALL, ids=lambda game: game.name)
def test_vertices_are_read_as_they_are_written(game):
    for action in range(game.actions):
        assert game.action(game.vertex(action)) == action
        assert game.action(f" {game.vertex(action).lower()} ") == action
    for word in ("", "i1", "z9", "a0", "a99", "-1", "8x"):
        assert game.action(word) is None


def test_a_win_on_the_last_point_is_no_draw():
    position = played(TicTacToe(), "a1", "a3", "b2", "b1", "b3", "c1", "a2", "c2", "c3")
    assert int(position.ply[0]) == 9
    assert (bool(position.over[0]), float(position.result[0])) == (True, 1.0)


def test_the_outcome_is_the_movers():
    position = played(TicTacToe(), "a1", "b1", "a2", "b2", "a3")  # Black has won, White would move
    assert float(outcome(position)[0]) == -1.0


def test_rows_do_not_wrap_round_the_board():
    """Four in a row over the right edge: columns 6, 7 of one row and 1, 2 of the next."""
    position = Connect4().start(1)
    board = position.board.copy()
    board[0, [40, 41, 28]] = 1  # the lowest row's right end, and the row above it on the left
    board[0, [35, 36, 37]] = -1
    position = position._replace(board=board, ply=np.array([6], np.int16))
    assert not Connect4().step(position, np.array([1])).over[0]


def test_hex_has_a_winner_whatever_fills_the_board():
    positions, random = Hex(5).start(100), np.random.default_rng(7)
    for _ in range(25):
        alive = np.flatnonzero(~positions.over)
        moves = np.where(positions.legal[alive], random.random((len(alive), 25)), -1).argmax(1)
        for field, values in zip(positions, Hex(5).step(take(positions, alive), moves), strict=True):
            field[alive] = values
    assert positions.over.all()
    assert {*positions.result} == {1.0, -1.0}


def test_othello_passes_only_where_nothing_flips():
    game, passes = Othello(4), 0
    random, positions = np.random.default_rng(8), game.start(200)
    while len(positions.ply):
        stuck = positions.legal[:, -1]
        assert not (stuck[:, None] & positions.legal[:, :-1]).any()
        passes += int(stuck.sum())
        actions = np.where(positions.legal, random.random(positions.legal.shape), -1).argmax(1)
        positions = game.step(positions, actions)
        positions = take(positions, np.flatnonzero(~positions.over))
    assert passes > 0


def go_after(size: int, *words: str, komi: float = 0.5):
    return played(Go(size, komi), *words)


def test_go_captures_before_it_asks_for_suicide():
    """White plays into its own last liberty, which takes a stone, and lives."""
    game = Go(3, 0.5)
    # Black a2, b1 around a1; White b2, c1, a3 take the stones' liberties
    position = played(game, "a2", "b2", "b1", "c1", "c3", "a3")
    assert not position.legal[0, game.action("a1")] or position.board[0, game.action("a1")] == 0
    position = game.step(position, np.array([game.points]))  # Black passes
    assert position.legal[0, game.action("a1")]
    position = game.step(position, np.array([game.action("a1")]))
    assert position.board[0, game.action("a2")] == 0
    assert position.board[0, game.action("b1")] == 0


def test_go_forbids_suicide_of_one_stone_and_of_two():
    game = Go(4, 0.5)
    position = played(game, "a2", "d4", "b1", "d3")
    position = game.step(position, np.array([game.points]))
    assert not position.legal[0, game.action("a1")]
    position = played(game, "a3", "a2", "b2", "d4", "b1", "d3")
    position = game.step(position, np.array([game.points]))
    assert not position.legal[0, game.action("a1")]  # a1 and a2 together would have no liberty


def test_go_forbids_retaking_a_ko_until_the_board_has_changed():
    game = Go(4, 0.5)
    position = played(game, "a2", "d2", "b3", "c3", "b1", "c1", "c2", "b2")  # White takes c2
    assert position.board[0, game.action("c2")] == 0
    assert not position.legal[0, game.action("c2")]
    position = game.step(game.step(position, np.array([game.action("a4")])), np.array([game.action("d4")]))
    assert position.legal[0, game.action("c2")]


def test_go_scores_areas_and_neutral_points():
    position = go_after(3, "b1", "pass", "b2", "pass", "b3")
    assert float(Go(3).score(position.board)[0]) == 9
    position = go_after(3, "a1", "c3")
    assert float(Go(3).score(position.board)[0]) == 0  # the empty points reach both


def test_go_ends_after_two_passes_and_at_the_cap_with_the_boards_score():
    game = Go(2, 0.5)
    position = played(game, "a1", "pass", "pass")
    assert (bool(position.over[0]), float(position.result[0])) == (True, 1.0)
    position = played(game, "pass", "pass")
    assert float(position.result[0]) == -1.0  # komi
    positions, random = Go(2, 0.5).start(300), np.random.default_rng(9)
    at_cap = 0
    while len(positions.ply):
        legal = positions.legal.copy()
        legal[legal[:, :-1].any(1), -1] = False  # passes only where it must
        positions = game.step(positions, np.where(legal, random.random(legal.shape), -1).argmax(1))
        ended = take(positions, np.flatnonzero(positions.over))
        at_cap += int((ended.ply == game.longest).sum())
        assert (ended.result == np.sign(game.score(ended.board) - 0.5)).all()
        positions = take(positions, np.flatnonzero(~positions.over))
    assert at_cap > 0


def test_a_margin_leaves_the_winner_and_prefers_larger_leads():
    results = {}
    for moves in (("a1", "pass", "pass"), ("pass", "a1", "pass", "pass"), ("a1", "b2", "pass", "pass")):
        plain, blended = played(Go(2, 0.5), *moves), played(Go(2, 0.5, 0.5), *moves)
        assert np.sign(blended.result[0]) == plain.result[0]
        results[moves] = float(blended.result[0])
    assert results["a1", "pass", "pass"] == pytest.approx(0.5 + 0.5 * 3.5 / 4.5)
    assert sorted(results.values()) == [results["pass", "a1", "pass", "pass"], results["a1", "b2", "pass", "pass"],
                                        results["a1", "pass", "pass"]]  # fmt: skip


def test_a_size_or_komi_that_a_game_has_not_is_refused():
    for name, size, komi in (("othello", 7, None), ("connect4", 8, None), ("go", 20, None), ("hex", 5, 7.5)):
        with pytest.raises(UserError, match=name):
            make_game(name, size, komi)
    with pytest.raises(UserError, match="margin"):
        make_game("hex", 5, None, 0.5)
    assert make_game("go", 5).komi == 24.5
