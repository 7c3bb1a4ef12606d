"""The metric `scored-positions`: moves in Connect Four positions whose exact scores are known."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from dlplug import NonNegativeInt, UserError, checked_by, data_folder
from dlplug_selfplay.evaluation.held_out import HeldOut
from dlplug_selfplay.games.interface import Game, put, take
from dlplug_selfplay.playing.players import Player

FILE = "connect4/move_scores.tsv.gz"
SETS = {"end_easy": "L3_R1", "middle_easy": "L2_R1", "middle_medium": "L2_R2"}


class Scored(NamedTuple):
    """Positions of one set. games: the moves that lead to each. signs: (n, 7), 1, 0 or -1 for a move that wins, draws
    or loses, -2 for a full column."""

    games: list[list[int]]
    signs: np.ndarray


def scored_path() -> Path:
    """The file of positions. Raises UserError where it is missing."""
    path = data_folder() / FILE
    if not path.is_file():
        raise UserError(
            f"{path} is missing: a table (set, position, score, c1 to c7) of Pascal Pons' Connect Four positions, named"
            " L3_R1, L2_R1 and L2_R2, with the exact score of every move; --metrics match needs no file"
        )
    return path


def read_scored() -> dict[str, Scored]:
    """The positions by set, those alone in which a legal move is a mistake."""
    rows: dict[str, list[tuple[list[int], list[int]]]] = {name: [] for name in SETS}
    names = {code: name for name, code in SETS.items()}
    with gzip.open(scored_path(), "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            scores = [row[f"c{column}"] for column in range(1, 8)]
            signs = [int(np.sign(int(score))) if score else -2 for score in scores]
            if row["set"] in names and len({*signs} - {-2}) > 1:
                rows[names[row["set"]]].append(([int(digit) - 1 for digit in row["position"]], signs))
    return {name: Scored([game for game, _ in of], np.array([signs for _, signs in of])) for name, of in rows.items()}


def reached(game: Game, games: list[list[int]]) -> Any:
    """The positions after the moves of each game, from the beginning."""
    positions = game.start(len(games))
    for ply in range(max(map(len, games))):
        rows = np.array([row for row, moves in enumerate(games) if len(moves) > ply])
        put(positions, rows, game.step(take(positions, rows), np.array([games[row][ply] for row in rows])))
    return positions


def check_scored(product: nn.Module, data: HeldOut, **others: Any) -> None:
    if data.rules.game != "connect4":
        raise UserError(f"scored-positions are of connect4, not of {data.rules.game}")
    scored_path()


@checked_by(check_scored)
def scored_positions(product: nn.Module, data: HeldOut, *, simulations: NonNegativeInt = 64) -> dict[str, Any]:
    """Shares of mistakes in Pascal Pons' test positions: a mistake is a move whose outcome under perfect play (won,
    drawn, lost) is worse than the best move's. Positions in which every move has the same outcome do not count.

    simulations: of the network's searches

    Returns wrong_end_easy, wrong_middle_easy, wrong_middle_medium, and the same without search: bare_wrong_….
    """
    values: dict[str, Any] = {}
    counts = []
    for name, scored in read_scored().items():
        positions = reached(data.game, scored.games)
        for prefix, player in (("", data.player(product, simulations)), ("bare_", data.player(product, 0))):
            values[f"{prefix}wrong_{name}"] = mistakes(player, positions, scored)
        counts.append(f"{len(scored.games)} {name.replace('_', ' ')}")
    where = f"the positions where a move can be a mistake: {', '.join(counts)}"
    return {"protocol": f"{where}; {simulations} simulations", **values}


def mistakes(player: Player, positions: Any, scored: Scored) -> float:
    """The share of the positions in which the player's move is a mistake."""
    moves = player.moves(positions, scored.games)
    chosen = scored.signs[np.arange(len(moves)), moves]
    return float((chosen < scored.signs.max(1)).mean())
