"""The recipes: the same algorithm from tic-tac-toe to Go, each against a player whose strength is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlplug import Recipe, Target, Use, use

ALPHAZERO = "Silver et al. 2018, Science 362, 1140 (AlphaZero)"
GUMBEL = f"{ALPHAZERO}; Danihelka et al. 2022 (Gumbel AlphaZero)"
WATCH = ("train/policy", "train/value", "train/game_length")

PONS = (
    "Pons' positions; the bar is this project's own: a random move is wrong in 65 and 66 %, minimax of depth 5 in 2 %"
)


def alphazero(
    summary: str,
    data: Use,
    model: Use,
    length: str,
    metrics: Sequence[Use],
    targets: Sequence[Target],
    *,
    learning_rate: float = 2e-3,
    level: int = 4,
    **different: Any,
) -> Recipe:
    """A recipe of self-play on one thread; the rate falls to 0."""
    return Recipe(
        summary=summary,
        data=data,
        model=model,
        trainer=use("torch", threads=1),
        loss="alphazero",
        optimizer=use("adam", learning_rate=learning_rate, schedule="cosine"),
        length=length,
        source=GUMBEL,
        metrics=metrics,
        samplers=["game"],
        targets=targets,
        watch=WATCH,
        level=level,
        **different,
    )


def self_play(game: str, simulations: int, opening: int, replay: int, **options: Any) -> Use:
    return use("self-play", game=game, boards=256, simulations=simulations, opening=opening, replay=replay, **options)


def capped(game: str, replay: int, **options: Any) -> Use:
    """A quarter of the moves have a full search of 24 simulations, the others one of 6."""
    return self_play(game, 24, 6, replay, fast_simulations=6, full=0.25, **options)


def net(channels: int, blocks: int) -> Use:
    return use("board-net", channels=channels, blocks=blocks)


RECIPES = {
    "alphazero-tictactoe": alphazero(
        "Self-play learns tic-tac-toe without a loss",
        self_play("tictactoe", 16, 4, 10_000, reuse=8.0),
        net(16, 1),
        "8k games",
        [use("every-reply", simulations=64)],
        [
            Target(
                "test/lost",
                "every reply to both colours, 64 simulations a move",
                "tic-tac-toe is a draw with perfect play",
                at_most=0,
            )
        ],
        learning_rate=3e-3,
        level=2,
    ),
    "alphazero-hex5": alphazero(
        "Self-play on Hex 5x5 learns which first moves win",
        self_play("hex", 16, 4, 30_000, size=5),
        net(24, 2),
        "8k games",
        [use("openings", simulations=64)],
        [
            Target(
                "test/right",
                "25 first moves, won or lost, 64 simulations from the position after each",
                "an exact solver",
                at_least=25,
            )
        ],
        level=3,
    ),
    "alphazero-connect4": alphazero(
        "Self-play learns Connect Four, tested on positions of which the exact scores are known",
        self_play("connect4", 32, 8, 100_000, fast_simulations=8, full=0.25),
        net(32, 2),
        "15k games",
        [
            use("scored-positions", simulations=64),
            use("match", opponent="minimax", level=5, games=40, simulations=64),
        ],
        [
            Target("test/wrong_end_easy", "moves that are mistakes, 64 simulations", PONS, at_most=0.03),
            Target("test/wrong_middle_easy", "moves that are mistakes, 64 simulations", PONS, at_most=0.10),
            Target("test/score", "40 games against minimax of depth 5", "this project's own bar", at_least=0.95),
        ],
        needs="Pons' Connect Four positions with the scores of all moves, 54 kB",
    ),
    "alphazero-othello6": alphazero(
        "Self-play learns Othello 6x6 in minutes, where the usual code takes days",
        capped("othello", 100_000, size=6),
        net(24, 2),
        "8k games",
        [use("match", opponent="greedy", games=200, simulations=32)],
        [
            Target(
                "test/score",
                "200 games against greedy",
                "this project's own bar, after 8,000 games of self-play as in suragnair/alpha-zero-general",
                at_least=0.99,
            )
        ],
    ),
    "alphazero-go5": alphazero(
        "Self-play learns to win Go 5x5 as Black with the whole board, against GNU Go",
        capped("go", 100_000, size=5, komi=24.5, margin=0.5),
        net(32, 3),
        "20k games",
        [use("match", opponent="gnugo", level=1, games=10, bare_games=10, simulations=64, colours="black")],
        [
            Target(
                "test/score",
                "100 games as Black, komi 24.5, against GNU Go level 10, whose first 2 moves are random",
                "Black wins by 25 with perfect play (van der Werf 2002); the bar is this project's own",
                at_least=0.90,
            )
        ],
        evaluation={"metrics.match.games": 100, "metrics.match.level": 10},
        needs="GNU Go for its evaluation (apt-get install gnugo)",
    ),
    "alphazero-go7": alphazero(
        "Self-play learns Go 7x7, against GNU Go",
        capped("go", 150_000, size=7, komi=8.5, margin=0.2),
        net(32, 4),
        "20k games",
        [use("match", opponent="gnugo", level=1, games=10, bare_games=10, simulations=64)],
        [
            Target(
                "test/score",
                "100 games against GNU Go level 1, colours swapped, 2 random moves first, komi 8.5",
                "this project's own bar",
                at_least=0.80,
            )
        ],
        evaluation={"metrics.match.games": 100},
        needs="GNU Go for its evaluation (apt-get install gnugo)",
    ),
}
