"""How well an algorithm plays: whole games, raw scores, and the best game to watch."""

from __future__ import annotations

import logging
from typing import Any, Literal

import numpy as np

from dlplug import PositiveInt, UserError, checked_by, neutral_options
from dlplug_sb3.environments import Played
from dlplug_sb3.film import show
from dlplug_sb3.games import play
from dlplug_sb3.model import Algorithm

log = logging.getLogger("dlplug")

LANES = 16  # environments at most: what one batch of a policy serves well


def check_episodes(
    product: Algorithm, data: Played, *, protocol: Literal["", "classic", "machado"], **others: Any
) -> None:
    if protocol:
        data.under(protocol)


@checked_by(check_episodes)
@neutral_options("video")
def episodes(
    product: Algorithm,
    data: Played,
    *,
    count: PositiveInt = 30,
    deterministic: bool = True,
    protocol: Literal["", "classic", "machado"] = "",
    video: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """Plays whole games and reports raw scores.

    An episode is cut after 27,000 actions where the environment itself sets no shorter limit; the protocol says how
    many were.

    count: number of episodes
    deterministic: take the likeliest action; else sample, or explore as in training (as the zoo does on Atari)
    protocol: evaluation protocol, classic or machado; empty takes that of training
    video: record the best episode, in colour

    Gives return (mean), return_std, return_min, return_max, episode_length (mean, in actions), video, and the protocol
    that the score must be quoted with. A lost life ends no game, though the agent is shown the same as in training.
    Raises UserError for a protocol where there is but one, and for no episodes.
    """
    if count < 1:
        raise UserError(f"a score needs 1 episode or more, got {count}")
    if protocol:
        data = data.under(protocol)
    lanes = min(count, LANES)
    wanted = np.full(lanes, count // lanes) + (np.arange(lanes) < count % lanes)
    start = seed + data.starts
    environments = data.make(lanes, start, limit=data.episode_limit)
    try:
        played, actions = play(product.sb3, environments, wanted, deterministic, start)
    finally:
        environments.close()
    scores = np.array([episode.score for episode in played])
    cut = sum(episode.length == data.episode_limit for episode in played)
    policy = f"{count} episode{'s' if count > 1 else ''}, {'likeliest' if deterministic else 'sampled'} actions"
    policy += f", {cut} of them cut at {data.episode_limit:,} actions" if cut else ""
    results: dict[str, Any] = {
        "protocol": f"{data.protocol}; {policy}",
        "return": float(scores.mean()),
        "return_std": float(scores.std()),
        "return_min": float(scores.min()),
        "return_max": float(scores.max()),
        "episode_length": float(np.mean([episode.length for episode in played])),
    }
    if video:
        best = max(played, key=lambda episode: episode.score)
        try:
            results["video"] = show(data, best, actions[: best.sent, best.lane], start + best.lane)
        except UserError as error:  # the scores count without it
            log.info(f"{error}; there is no video")
    return results
