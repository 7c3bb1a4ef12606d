"""The names of Atari's games and protocols, however they are spelled. The emulator is a plugin's own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from dlplug import UserError, nearest

ProtocolName = Literal["classic", "machado"]  # as in Mnih et al. 2015; Machado et al. 2018 (arXiv:1709.06009)


def find_game(name: str, games: Iterable[str]) -> str:
    """The one of these plain names (space_invaders) that is meant: "Space Invaders", "space-invaders" and
    "SpaceInvaders" are the same. Raises UserError, with the nearest, where there is none."""
    plain = {game.replace("_", ""): game for game in games}
    wanted = re.sub("[^a-z0-9]", "", name.lower())
    if wanted not in plain:
        spelled = re.sub("[^a-z0-9]+", "_", name.lower())
        raise UserError(f"no Atari game is called {name!r}.{nearest(spelled, plain.values())}")
    return plain[wanted]
