"""The batched search beside a search of one game at a time, and what it must find."""

from __future__ import annotations

import numpy as np
import pytest
from dlplug_selfplay.games.hex import Hex
from dlplug_selfplay.games.interface import joined, mover, take
from dlplug_selfplay.games.othello import Othello
from dlplug_selfplay.games.rows import Connect4, TicTacToe
from dlplug_selfplay.search import gumbel, puct
from dlplug_selfplay.search.tree import Tree
from naive_search import NaiveSearch
from test_selfplay_rules import played, random_positions


def hashed_judge(game):
    """A judge whose opinions look random, but are a function of the position."""
    random = np.random.default_rng(0)
    policy = random.normal(size=(game.points, game.actions))
    value = random.normal(size=game.points)

    def judge(positions):
        own = positions.board * mover(positions)[:, None]
        return (own @ policy).astype(np.float32), np.tanh(own @ value / 3).astype(np.float32)

    return judge


def even_judge(game):
    def judge(positions):
        return np.zeros((len(positions.ply), game.actions), np.float32), np.zeros(len(positions.ply), np.float32)

    return judge


@pytest.mark.parametrize("game", [TicTacToe(), Connect4(), Hex(3), Othello(4)], ids=lambda game: game.name)
def test_all_games_at_once_are_searched_as_each_alone(game):
    judge, roots = hashed_judge(game), random_positions(game, 12, 4, 0)
    roots = take(roots, np.flatnonzero(~roots.over))
    tree = Tree(game, judge, roots, 41)
    for node in range(1, 41):
        tree.simulate(node, puct.best, puct.best)
    for row in range(len(roots.ply)):
        naive = NaiveSearch(game, judge, take(roots, [row]))
        for _ in range(40):
            naive.simulate()
        root = naive.nodes[()]
        assert [*tree.visits[row, 0]] == [*root.visits.values()]
        np.testing.assert_allclose(tree.total[row, 0], [*root.total.values()], atol=1e-4)


@pytest.mark.parametrize("search", [puct.search, gumbel.search], ids=["puct", "gumbel"])
def test_wins_are_taken_and_losses_averted_for_both_colours(search):
    """Values seen from the wrong player's side would reverse these."""
    game, random = TicTacToe(), np.random.default_rng(0)
    cases = [
        (("a1", "a2", "b1", "b2"), "c1"),  # Black wins
        (("a1", "b2", "b1", "c2", "a3"), "a2"),  # White wins, rather than averting c1
        (("a1", "b2", "b1"), "c1"),  # White averts
    ]
    roots = joined([played(game, *moves) for moves, _ in cases])
    found = search(game, even_judge(game), roots, 200, random=random)
    assert [game.vertex(action).lower() for action in found.action] == [answer for _, answer in cases]
    assert found.value[0] > 0.2
    assert found.value[1] > 0.2


def test_values_are_those_of_the_player_to_move():
    game = TicTacToe()
    roots = random_positions(game, 200, 5, 4)
    roots = take(roots, np.flatnonzero(~roots.over))
    exact = np.where(roots.legal, exact_values(game, roots), -1).max(1)
    found = puct.search(game, even_judge(game), roots, 300, random=np.random.default_rng(0))
    assert found.value[exact == 1].min() > 0
    assert found.value[exact == -1].max() < 0


@pytest.mark.parametrize("search", [puct.search, gumbel.search], ids=["puct", "gumbel"])
@pytest.mark.parametrize("game", [TicTacToe(), Othello(4), Hex(3)], ids=lambda game: game.name)
def test_only_legal_moves_are_played_and_learnt(game, search):
    roots = random_positions(game, 64, 5, 1)
    roots = take(roots, np.flatnonzero(~roots.over))
    found = search(game, hashed_judge(game), roots, 8, noise=0.25, random=np.random.default_rng(0))
    assert roots.legal[np.arange(len(roots.ply)), found.action].all()
    assert (found.policy[~roots.legal] == 0).all()
    np.testing.assert_allclose(found.policy.sum(1), 1, atol=1e-5)
    assert np.abs(found.value).max() <= 1


def test_noise_spares_games_with_one_move():
    game = Othello(4)
    roots = random_positions(game, 300, 6, 2)
    stuck = take(roots, np.flatnonzero(roots.legal[:, -1]))
    assert len(stuck.ply)
    found = puct.search(game, even_judge(game), stuck, 4, noise=0.25, random=np.random.default_rng(0))
    assert (found.action == game.points).all()


def test_sequential_halving_spends_all_simulations_and_halves():
    table = gumbel.halving(16, 64)
    visits = np.zeros(16, int)
    for due in table[16]:
        visits[np.flatnonzero(visits == due)[0]] += 1
    # rounds of 16, 8, 4 and 2 candidates, of 16 simulations each; the last goes on with two
    assert visits.sum() == 64
    assert sorted(visits)[:8] == [1] * 8
    assert visits.max() > 8
    assert [*gumbel.halving(16, 8)[1]] == [*range(8)]  # a single move is simply followed


def test_gumbels_improved_policy_is_an_improvement_on_average():
    """Σ π' q ≥ Σ π q in expectation, for values that are exact (Danihelka et al., section 3)."""
    game = TicTacToe()
    roots = random_positions(game, 100, 4, 3)
    roots = take(roots, np.flatnonzero(~roots.over))
    values = exact_values(game, roots)
    judge = hashed_judge(game)
    logits, _ = judge(roots)
    prior = np.where(roots.legal, np.exp(logits), 0)
    prior /= prior.sum(1, keepdims=True)
    found = gumbel.search(game, judge, roots, 16, noise=1.0, random=np.random.default_rng(0))
    assert (found.policy * values).sum(1).mean() > (prior * values).sum(1).mean() + 0.05


def exact_values(game, positions):
    from dlplug_selfplay.opponents.minimax import action_values

    values = action_values(game, positions, 9, lambda some: np.zeros(len(some.ply)))
    return np.where(positions.legal, np.sign(values), 0)
