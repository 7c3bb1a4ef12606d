"""The metric `openings`: which first moves of Hex the network takes to be won."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from dlplug import NonNegativeInt, UserError, checked_by
from dlplug_selfplay.evaluation.held_out import HeldOut
from dlplug_selfplay.opponents.hex_solver import won_openings


def check_openings(product: nn.Module, data: HeldOut, **others: Any) -> None:
    if data.rules.game != "hex" or data.game.height > 5:
        raise UserError("openings needs hex of size 5 at most, which is solved exactly")


@checked_by(check_openings)
def openings(product: nn.Module, data: HeldOut, *, simulations: NonNegativeInt = 64) -> dict[str, Any]:
    """Judges the position after each first move, won or lost, beside the exact solution.

    simulations: of the search from each of these positions

    Returns right: the number of openings judged right; bare_right: by the network's value alone; openings: all.
    """
    game, won = data.game, won_openings(data.game.height)
    positions = game.step(game.start(game.actions), np.arange(game.actions))
    right = {
        name: int(((data.player(product, count).values(positions) < 0) == won).sum())  # White is to move
        for name, count in (("right", simulations), ("bare_right", 0))
    }
    protocol = f"the sign of the value after each first move, {simulations} simulations, beside an exact solver"
    return {"protocol": protocol, **{name: float(count) for name, count in right.items()}, "openings": float(len(won))}
