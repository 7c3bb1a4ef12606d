"""The metric `match`: games against a player of known strength."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from torch import nn

from dlplug import NonNegativeInt, PositiveInt, UserError, checked_by
from dlplug_selfplay.arena.elo import elo_of
from dlplug_selfplay.arena.match import match
from dlplug_selfplay.evaluation.held_out import HeldOut
from dlplug_selfplay.opponents.catalogue import OpponentName, make_opponent


def check_match(product: nn.Module, data: HeldOut, *, opponent: OpponentName, games: int, **others: Any) -> None:
    for count in (games, others.get("bare_games", 2)):
        if count % 2:
            raise UserError(f"a match has an even number of games, so that each opening is played twice; got {count}")
    make_opponent(opponent, data.game, others.get("level", 1), data.seed)


@checked_by(check_match)
def play_match(
    product: nn.Module,
    data: HeldOut,
    *,
    opponent: OpponentName = "random",
    level: PositiveInt = 1,
    games: PositiveInt = 100,
    simulations: NonNegativeInt = 32,
    opening: NonNegativeInt = 2,
    colours: Literal["both", "black", "white"] = "both",
    bare_games: PositiveInt = 100,
) -> dict[str, Any]:
    """Plays a match against another player: pairs of games from the same random opening, with colours swapped.

    opponent: random, greedy, minimax or gnugo
    level: depth of minimax, level of GNU Go (1 to 10)
    games: an even number
    simulations: of the network's searches
    opening: random moves at the beginning; where the network has one colour, of the opponent alone
    colours: which the network plays
    bare_games: at most this many games without search, an even number

    Returns score (1 for a win, 0.5 for a draw, mean over the games), score_black, score_white, bare_score (without
    search), elo and elo_half (rating above the opponent's and half width of its 95 % interval), distinct (different
    games).
    """
    other = make_opponent(opponent, data.game, level, data.seed)
    try:
        played = {
            simulations: match(
                data.game, data.player(product, simulations), other, count, opening=opening, colours=colours,
                random=np.random.default_rng(data.seed),
            )
            for simulations, count in ((0, min(games, bare_games)), (simulations, games))
        }  # fmt: skip
    finally:
        other.close()
    main = played[simulations]
    elo, half = elo_of(main.score, games)
    by_colour = {
        f"score_{colour}": float(main.results[rows].mean())
        for colour, rows in (("black", main.black), ("white", ~main.black))
        if rows.any()
    }
    first = f"{opening} random moves first" if colours == "both" else f"its first {opening} random"
    side = {"both": "colours swapped", "black": "as Black", "white": "as White"}[colours]
    return {
        "protocol": f"{games} games against {other.name}{other.remarks()}, {side}, {first}, {simulations} simulations",
        "score": main.score,
        **by_colour,
        "bare_score": played[0].score,
        "elo": elo,
        "elo_half": half,
        "distinct": float(main.distinct),
    }
