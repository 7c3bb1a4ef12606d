"""The recipes: the same algorithm from tic-tac-toe to Go, each against a player whose strength is known."""

from __future__ import annotations

from dlplug import Recipe, Target, use

ALPHAZERO = "Silver et al. 2018, Science 362, 1140 (AlphaZero)"
GUMBEL = f"{ALPHAZERO}; Danihelka et al. 2022 (Gumbel AlphaZero)"
WATCH = ("train/policy", "train/value", "train/game_length")

PONS = (
    "Pons' positions; the bar is this project's own: a random move is wrong in 65 and 66 %, minimax of depth 5 in 2 %"
)

RECIPES = {
    "alphazero-tictactoe": Recipe(
        summary="Self-play learns tic-tac-toe without a loss",
        data=use("self-play", game="tictactoe", boards=256, simulations=16, opening=4, replay=10_000, reuse=8.0),
        model=use("board-net", channels=16, blocks=1),
        trainer=use("torch", threads=1),
        loss="alphazero",
        optimizer=use("adam", learning_rate=3e-3, schedule="cosine"),
        length="8k games",
        source=GUMBEL,
        metrics=[use("every-reply", simulations=64)],
        samplers=["game"],
        targets=[
            Target(
                "test/lost",
                "every reply to both colours, 64 simulations a move",
                "tic-tac-toe is a draw with perfect play",
                at_most=0,
            )
        ],
        watch=WATCH,
        level=2,
    ),
    "alphazero-hex5": Recipe(
        summary="Self-play on Hex 5x5 learns which first moves win",
        data=use("self-play", game="hex", size=5, boards=256, simulations=16, opening=4, replay=30_000),
        model=use("board-net", channels=24, blocks=2),
        trainer=use("torch", threads=1),
        loss="alphazero",
        optimizer=use("adam", learning_rate=2e-3, schedule="cosine"),
        length="8k games",
        source=GUMBEL,
        metrics=[use("openings", simulations=64)],
        samplers=["game"],
        targets=[
            Target(
                "test/right",
                "25 first moves, won or lost, 64 simulations from the position after each",
                "an exact solver",
                at_least=25,
            )
        ],
        watch=WATCH,
        level=3,
    ),
    "alphazero-connect4": Recipe(
        summary="Self-play learns Connect Four, tested on positions of which the exact scores are known",
        data=use(
            "self-play",
            game="connect4",
            boards=256,
            simulations=32,
            fast_simulations=8,
            full=0.25,
            opening=8,
            replay=100_000,
        ),
        model=use("board-net", channels=32, blocks=2),
        trainer=use("torch", threads=1),
        loss="alphazero",
        optimizer=use("adam", learning_rate=2e-3, schedule="cosine"),
        length="15k games",
        source=GUMBEL,
        metrics=[
            use("scored-positions", simulations=64),
            use("match", opponent="minimax", level=5, games=40, simulations=64),
        ],
        samplers=["game"],
        targets=[
            Target("test/wrong_end_easy", "moves that are mistakes, 64 simulations", PONS, at_most=0.03),
            Target("test/wrong_middle_easy", "moves that are mistakes, 64 simulations", PONS, at_most=0.10),
            Target("test/score", "40 games against minimax of depth 5", "this project's own bar", at_least=0.95),
        ],
        watch=WATCH,
        needs="Pons' Connect Four positions with the scores of all moves, 54 kB",
        level=4,
    ),
    "alphazero-othello6": Recipe(
        summary="Self-play learns Othello 6x6 in minutes, where the usual code takes days",
        data=use(
            "self-play",
            game="othello",
            size=6,
            boards=256,
            simulations=24,
            fast_simulations=6,
            full=0.25,
            opening=6,
            replay=100_000,
        ),
        model=use("board-net", channels=24, blocks=2),
        trainer=use("torch", threads=1),
        loss="alphazero",
        optimizer=use("adam", learning_rate=2e-3, schedule="cosine"),
        length="8k games",
        source=GUMBEL,
        metrics=[use("match", opponent="greedy", games=200, simulations=32)],
        samplers=["game"],
        targets=[
            Target(
                "test/score",
                "200 games against greedy",
                "this project's own bar, after 8,000 games of self-play as in suragnair/alpha-zero-general",
                at_least=0.99,
            )
        ],
        watch=WATCH,
        level=4,
    ),
    "alphazero-go5": Recipe(
        summary="Self-play learns to win Go 5x5 as Black with the whole board, against GNU Go",
        data=use(
            "self-play",
            game="go",
            size=5,
            komi=24.5,
            margin=0.5,
            boards=256,
            simulations=24,
            fast_simulations=6,
            full=0.25,
            opening=6,
            replay=100_000,
        ),
        model=use("board-net", channels=32, blocks=3),
        trainer=use("torch", threads=1),
        loss="alphazero",
        optimizer=use("adam", learning_rate=2e-3, schedule="cosine"),
        length="20k games",
        source=GUMBEL,
        metrics=[use("match", opponent="gnugo", level=1, games=10, bare_games=10, simulations=64, colours="black")],
        evaluation={"metrics.match.games": 100, "metrics.match.level": 10},
        samplers=["game"],
        targets=[
            Target(
                "test/score",
                "100 games as Black, komi 24.5, against GNU Go level 10, whose first 2 moves are random",
                "Black wins by 25 with perfect play (van der Werf 2002); the bar is this project's own",
                at_least=0.90,
            )
        ],
        watch=WATCH,
        needs="GNU Go for its evaluation (apt-get install gnugo)",
        level=4,
    ),
    "alphazero-go7": Recipe(
        summary="Self-play learns Go 7x7, against GNU Go",
        data=use(
            "self-play",
            game="go",
            size=7,
            komi=8.5,
            margin=0.2,
            boards=256,
            simulations=24,
            fast_simulations=6,
            full=0.25,
            opening=6,
            replay=150_000,
        ),
        model=use("board-net", channels=32, blocks=4),
        trainer=use("torch", threads=1),
        loss="alphazero",
        optimizer=use("adam", learning_rate=2e-3, schedule="cosine"),
        length="20k games",
        source=GUMBEL,
        metrics=[use("match", opponent="gnugo", level=1, games=10, bare_games=10, simulations=64)],
        evaluation={"metrics.match.games": 100},
        samplers=["game"],
        targets=[
            Target(
                "test/score",
                "100 games against GNU Go level 1, colours swapped, 2 random moves first, komi 8.5",
                "this project's own bar",
                at_least=0.80,
            )
        ],
        watch=WATCH,
        needs="GNU Go for its evaluation (apt-get install gnugo)",
        level=4,
    ),
}
