#!/usr/bin/env bash
# OpenSpiel's Go lists a move that repeats a position as legal, and plays it as the end of the game: a draw, whatever komi.
#
# Versions: open_spiel 2.0.2; Python 3.11.
#
# Expected: under superko a move that recreates an earlier position is forbidden, so that `legal_actions` leaves it out; and
# with a komi of half a point no game is a draw.
#
# Behaviour: such a move is among the legal actions. After it the state is terminal and both returns are 0. A player who
# is behind has a drawing move wherever it can repeat a position, and self-play may learn to take it. Whoever compares
# other rules with these move by move must take the repetitions out first.
#
# Output seen:
#   komi 0.5 on 3x3, 200 random games: 5 end with a repetition, 5 of them a draw; 0 of the others
#
# Source: open_spiel/games/go/go.cc: GoState::LegalActions asks only the board; DoApplyAction notes a repetition after
# the move; IsTerminal and Returns make it a draw.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" open_spiel==2.0.2
"$folder/venv/bin/python" - <<'PYTHON'
import random

import pyspiel

GAMES, PASS = 200, 9
game, generator = pyspiel.load_game("go(board_size=3,komi=0.5)"), random.Random(0)


def stones(state: pyspiel.State) -> str:
    """The board alone, without the header that counts moves."""
    return "".join(line[3:] for line in str(state).splitlines() if line[1:2].isdigit())


repeated, drawn_by_repetition, drawn_otherwise = 0, 0, 0
for _ in range(GAMES):
    state, seen, repeats = game.new_initial_state(), set(), False
    while not state.is_terminal():
        seen.add(stones(state))
        action = generator.choice(state.legal_actions())
        state.apply_action(action)
        repeats = action != PASS and stones(state) in seen
        assert state.is_terminal() or not repeats
    draw = state.returns() == [0.0, 0.0]
    repeated += repeats
    drawn_by_repetition += draw and repeats
    drawn_otherwise += draw and not repeats
print(
    f"komi 0.5 on 3x3, {GAMES} random games: {repeated} end with a repetition, {drawn_by_repetition} of them a draw;"
    f" {drawn_otherwise} of the others"
)
raise SystemExit(not (repeated > 0 and drawn_by_repetition == repeated))
PYTHON
