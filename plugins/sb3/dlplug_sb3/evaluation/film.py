"""The sampler `sb3-film`: plays games and replays them from the same seed to render them."""

from __future__ import annotations

from typing import Any

import numpy as np
from dlplug_play.episodes import play
from dlplug_play.films import films, video_of

from dlplug import PositiveInt, UserError, Video
from dlplug_sb3.environments.base import Sb3Data
from dlplug_sb3.evaluation.arena import Arena, seeded
from dlplug_sb3.model import Algorithm


def film(
    product: Algorithm, data: Sb3Data, *, count: PositiveInt = 1, deterministic: bool = False, seed: int = 0
) -> dict[str, Any]:
    """Plays whole games and films them.

    count: number of games, each in its own film
    deterministic: take the likeliest action; else sample, or explore as in training

    Returns film (film-1, film-2, … for several) and return (mean). Raises UserError for environments that
    cannot render.
    """
    if count < 1:
        raise UserError(f"--count expects 1 game or more, got {count}")

    def play_one(start: int) -> tuple[Video, float]:
        arena = Arena(data, 1, start)
        try:
            with seeded(product.sb3, start):
                (game,), actions = play(product, arena, np.array([1]), greedy=deterministic)
            video = video_of(arena, game, actions, data.name)
        finally:
            arena.close()
        if video is None:
            raise UserError(f"{data.name} cannot render images")
        return video, game.score

    return films(count, seed + data.starts, play_one)
