"""The names of Atari games, in any spelling, and of evaluation protocols. The emulators belong to the plugins."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from dlplug import UserError, nearest

ProtocolName = Literal["classic", "machado"]  # as in Mnih et al. 2015; Machado et al. 2018 (arXiv:1709.06009)


def find_game(name: str, games: Iterable[str]) -> str:
    """The plain name (space_invaders) that matches a spelling such as "Space Invaders", "space-invaders" or
    "SpaceInvaders". Raises UserError, with the nearest names, if there is none."""
    plain = {game.replace("_", ""): game for game in games}
    key = re.sub("[^a-z0-9]", "", name.lower())
    if key not in plain:
        spelled = re.sub("[^a-z0-9]+", "_", name.lower())
        raise UserError(f"no Atari game is called {name!r}.{nearest(spelled, plain.values())}")
    return plain[key]
