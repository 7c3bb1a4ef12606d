"""Matches and ratings, and the players of known strength."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from dlplug_selfplay.arena.elo import elo_of, ratings
from dlplug_selfplay.arena.match import match
from dlplug_selfplay.games.hex import Hex
from dlplug_selfplay.games.interface import mover, take
from dlplug_selfplay.games.othello import Othello
from dlplug_selfplay.games.rows import Connect4, TicTacToe
from dlplug_selfplay.opponents.catalogue import make_opponent
from dlplug_selfplay.opponents.greedy import GreedyPlayer
from dlplug_selfplay.opponents.hex_solver import HexSolver, won_openings
from dlplug_selfplay.opponents.minimax import MinimaxPlayer, action_values, open_rows
from dlplug_selfplay.playing.players import RandomPlayer
from test_selfplay_rules import played, random_positions

from dlplug import UserError


def test_a_match_swaps_colours_over_the_same_openings():
    game = Connect4()
    result = match(game, RandomPlayer(0), RandomPlayer(1), 20, opening=4, random=np.random.default_rng(0))
    for first, second in zip(result.games[::2], result.games[1::2], strict=True):
        assert first[:4] == second[:4]
    assert result.distinct == 20
    assert [*result.black] == [True, False] * 10
    for moves, black, points in zip(result.games, result.black, result.results, strict=True):
        position = game.start(1)
        for move in moves:
            assert position.legal[0, move]
            position = game.step(position, np.array([move]))
        assert position.over[0]
        assert points == (1 + position.result[0] * (1 if black else -1)) / 2


def test_a_match_of_one_colour_randomises_the_others_first_moves():
    game = Connect4()
    one, other = MinimaxPlayer(game, 1, 0), MinimaxPlayer(game, 1, 0)
    result = match(game, one, other, 10, opening=2, random=np.random.default_rng(0), colours="black")
    assert result.black.all()
    assert len({moves[1] for moves in result.games}) > 2


def test_ratings_recover_the_strengths_that_made_the_results():
    true = np.array([0.0, 100.0, -50.0, 300.0])
    chance = 1 / (1 + 10 ** ((true[None] - true[:, None]) / 400))
    games = np.full((4, 4), 4000.0)
    np.fill_diagonal(games, 0)
    elo, half = ratings(chance * games, games)
    np.testing.assert_allclose(elo, true, atol=2)
    assert half[0] == 0
    assert (half[1:] < 15).all()


def test_intervals_cover_the_truth_as_often_as_they_say():
    random, covered = np.random.default_rng(0), 0
    for _ in range(300):
        wins = random.binomial(100, 1 / (1 + 10 ** (-80 / 400)))
        elo, half = elo_of(wins / 100, 100)
        covered += abs(elo - 80) <= half
    assert 0.91 < covered / 300 < 0.99


def test_a_player_who_wins_every_game_has_a_finite_rating():
    elo, half = elo_of(1.0, 10)
    assert 0 < elo < 1000
    assert np.isfinite(half)


def test_minimax_is_the_minimax_of_the_rules():
    game, estimate = Connect4(), open_rows(Connect4())

    def slow(position, depth: int) -> float:
        if position.over[0]:
            return float(position.result[0] * mover(position)[0]) * (1e6 - position.ply[0])
        if depth == 0:
            return float(estimate(position)[0])
        return max(-slow(game.step(position, np.array([a])), depth - 1) for a in np.flatnonzero(position.legal[0]))

    positions = random_positions(game, 6, 12, 0)
    positions = take(positions, np.flatnonzero(~positions.over))
    values = action_values(game, positions, 3, estimate)
    for row in range(len(positions.ply)):
        for action in range(7):
            position = take(positions, [row])
            if position.legal[0, action]:
                expected = -slow(game.step(position, np.array([action])), 2)
                assert values[row, action] == pytest.approx(expected)


def test_open_rows_count_what_only_one_player_has():
    game = Connect4()
    estimate = open_rows(game)
    assert float(estimate(game.start(1))[0]) == 0
    # Black on d1: rows through it that White can still block, 3 across, 1 up, 1 and 1 diagonal... from White's view
    one = played(game, "4")
    assert float(estimate(one)[0]) == pytest.approx(-0.01 * len(np.unique(np.sort(game.rows[38], 1), axis=0)))


def test_tic_tac_toe_is_a_draw_by_minimax():
    game = TicTacToe()
    assert action_values(game, game.start(1), 9, lambda some: np.zeros(len(some.ply))).max() == 0


def test_greedy_takes_the_most_stones():
    game, positions = Othello(6), random_positions(Othello(6), 30, 8, 0)
    positions = take(positions, np.flatnonzero(~positions.over))
    chosen = GreedyPlayer(game, 0).moves(positions, [])
    for row, action in enumerate(chosen):
        position, colour = take(positions, [row]), mover(positions)[row]
        after = {
            a: int(game.step(position, np.array([a])).board.sum()) * colour for a in np.flatnonzero(position.legal[0])
        }
        assert after[action] == max(after.values())


def test_the_hex_solver_agrees_with_brute_force():
    """Every position of 3x3 Hex that is not decided, by a search without any pruning."""
    game, solver = Hex(3), HexSolver(3)
    known: dict[bytes, bool] = {}

    def wins(position) -> bool:
        key = position.board.tobytes()
        if key not in known:
            known[key] = any(
                bool(after.over[0]) or not wins(after)
                for after in (game.step(position, np.array([a])) for a in np.flatnonzero(position.legal[0]))
            )
        return known[key]

    checked = 0
    for first, second in itertools.permutations(range(9), 2):
        position = game.step(game.step(game.start(1), np.array([first])), np.array([second]))
        assert solver.solve(1 << first, 1 << second, 0)[0] == wins(position)
        checked += 1
    assert checked == 72
    assert [*won_openings(3)] == [not wins(game.step(game.start(1), np.array([a]))) for a in range(9)]


def test_opponents_that_do_not_play_a_game_are_refused():
    with pytest.raises(UserError, match="greedy"):
        make_opponent("greedy", TicTacToe(), 1, 0)
    with pytest.raises(UserError, match="gnugo plays go"):
        make_opponent("gnugo", Othello(6), 1, 0)
