"""`dlplug rate RUN …`: a tournament of networks and other players, with ratings."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from dlplug import CommandParser, UserError, parsed_by

if TYPE_CHECKING:
    from dlplug.host.plugins import Host

BUILTIN = ("random", "greedy", "minimax", "gnugo")


def rate_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug rate",
        description="Plays a tournament, every pair with colours swapped and random openings, and prints Elo ratings"
        " (Bradley and Terry's model) with 95 % intervals, relative to the first player.",
    )
    add = parser.add_argument
    add("players", nargs="+", metavar="PLAYER",
        help="a run, RUN:SIMULATIONS, random, greedy, minimax:DEPTH or gnugo:LEVEL")  # fmt: skip
    add("--games", type=int, default=40, help="games of each pair, an even number (default: 40)")
    add("--opening", type=int, default=2, help="random moves at the beginning of a game (default: 2)")
    add("--seed", type=int, default=0, help="of all random draws (default: 0)")
    add("--json", action="store_true", help="print JSON")
    return parser


@parsed_by(rate_parser)
def rate(flags: Any, host: Host) -> int:
    """Rates runs and other players of a board game by a tournament: Elo with intervals."""
    from dlplug_selfplay.arena.elo import ratings
    from dlplug_selfplay.arena.match import match
    from dlplug_selfplay.opponents.catalogue import Builtin, make_opponent
    from dlplug_selfplay.trained import player_of

    if flags.games < 2 or flags.games % 2:
        raise UserError(f"--games is an even number, so that colours are swapped; got {flags.games}")
    if len(flags.players) < 2:
        raise UserError("dlplug rate needs two players, such as a run and random")
    split = [_split(word) for word in flags.players]
    runs = {index: player_of(name, 32 if level is None else level, host)
            for index, (name, level) in enumerate(split) if name not in BUILTIN}  # fmt: skip
    rules = {held_out.rules for held_out, _ in runs.values()}
    if len(rules) != 1:
        raise UserError("the players are of several games" if rules else "name a run, which says what game is played")
    game = next(iter(runs.values()))[0].game
    players = [
        Builtin(runs[index][1])
        if index in runs
        else make_opponent(name, game, 1 if level is None else level, flags.seed)  # pyright: ignore[reportArgumentType]
        for index, (name, level) in enumerate(split)
    ]
    score, games = np.zeros((2, len(players), len(players)))
    try:
        for i, j in itertools.combinations(range(len(players)), 2):
            random = np.random.default_rng((flags.seed, i, j))
            played = match(game, players[i], players[j], flags.games, opening=flags.opening, random=random)
            score[i, j], score[j, i] = played.results.sum(), flags.games - played.results.sum()
            games[i, j] = games[j, i] = flags.games
            if not flags.json:
                print(f"{flags.players[i]} - {flags.players[j]}: {score[i, j]:g} - {score[j, i]:g},"
                      f" {played.distinct} different games", flush=True)  # fmt: skip
    finally:
        for player in players:
            player.close()
    elo, half = ratings(score, games)
    rows = [
        {"player": word, "elo": round(float(e), 1), "half": round(float(h), 1), "points": s, "games": g}
        for word, e, h, s, g in zip(flags.players, elo, half, score.sum(1), games.sum(1), strict=True)
    ]
    rows.sort(key=lambda row: -row["elo"])
    if flags.json:
        print(json.dumps(rows))
        return 0
    width = max(len(row["player"]) for row in rows)
    for row in rows:
        print(f"{row['player']:{width}}  {row['elo']:7.0f} ± {row['half']:.0f}  {row['points']:g} of {row['games']:g}")
    return 0


def _split(word: str) -> tuple[str, int | None]:
    """("minimax", 5) for "minimax:5"; a run without a number has None."""
    name, _, number = word.rpartition(":")
    return (name, int(number)) if name and number.isdigit() else (word, None)
