"""OpenSpiel's rules beside ours, and random games on both."""

from __future__ import annotations

import numpy as np
import pytest
from dlplug_selfplay.games.interface import take

pyspiel = pytest.importorskip("pyspiel", reason="OpenSpiel is not installed: uv sync installs it")


def compare_random_games(game, oracle: str, games: int, seed: int) -> int:
    """Plays random games on our arrays in lock-step and on OpenSpiel one by one, comparing legal moves, the end and the
    result before each move. Returns the number of positions compared."""
    random = np.random.default_rng(seed)
    theirs = [pyspiel.load_game(oracle).new_initial_state() for _ in range(games)]
    ours, compared = game.start(games), 0
    while len(theirs):
        for row, state in enumerate(theirs):
            assert bool(ours.over[row]) == state.is_terminal(), f"{state}"
            assert [*np.flatnonzero(ours.legal[row])] == state.legal_actions() * (not state.is_terminal()), f"{state}"
            if state.is_terminal():
                assert ours.result[row] == state.returns()[0], f"{state}"
            compared += 1
        goes_on = np.flatnonzero(~ours.over)
        ours, theirs = take(ours, goes_on), [theirs[row] for row in goes_on]
        actions = np.array([random.choice(np.flatnonzero(legal)) for legal in ours.legal], dtype=int)
        if len(theirs):
            ours = game.step(ours, actions)
            for state, action in zip(theirs, actions, strict=True):
                state.apply_action(int(action))
    return compared


def compare_random_go(game, games: int, seed: int) -> tuple[int, int]:
    """The same for Go. OpenSpiel lets a move recreate an earlier board and ends the game there; ours forbids it: the
    moves that only OpenSpiel has must be those that recreate one. Returns the positions compared and those moves."""
    random = np.random.default_rng(seed)
    size, cap = game.height, game.longest
    name = f"go(board_size={size},komi={game.komi},max_game_length={cap})"
    theirs = [pyspiel.load_game(name).new_initial_state() for _ in range(games)]
    boards = [{_stones(state)} for state in theirs]
    ours, compared, repetitions = game.start(games), 0, 0
    while len(theirs):
        for row, state in enumerate(theirs):
            assert bool(ours.over[row]) == state.is_terminal(), f"{state}"
            if state.is_terminal():
                assert ours.result[row] == state.returns()[0], f"{state}"
                continue
            legal = {*np.flatnonzero(ours.legal[row]).tolist()}
            allowed = {*state.legal_actions()}
            assert legal <= allowed, f"{state}"
            for action in state.legal_actions():
                after = state.child(action)
                repeats = action != game.points and _stones(after) in boards[row]
                assert repeats == (action not in legal), f"{state}\n{game.vertex(action)}"
                repetitions += repeats
            compared += 1
        goes_on = np.flatnonzero(~ours.over)
        ours = take(ours, goes_on)
        theirs, boards = [theirs[row] for row in goes_on], [boards[row] for row in goes_on]
        actions = np.array([_seldom_passes(random, legal) for legal in ours.legal], dtype=int)
        if len(theirs):
            ours = game.step(ours, actions)
            for row, (state, action) in enumerate(zip(theirs, actions, strict=True)):
                state.apply_action(int(action))
                boards[row].add(_stones(state))
    return compared, repetitions


def _seldom_passes(random: np.random.Generator, legal: np.ndarray) -> int:
    moves = np.flatnonzero(legal)
    weights = np.where(moves == len(legal) - 1, 0.02, 1.0)
    return int(random.choice(moves, p=weights / weights.sum()))


def _stones(state) -> str:
    return str(state).split("\n\n", 1)[1]
