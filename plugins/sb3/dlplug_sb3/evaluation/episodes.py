"""The metric `sb3-episodes`: whole games, raw scores, and a video of the best game."""

from __future__ import annotations

from typing import Any, Literal

from dlplug_play.episodes import LANES, counted, cut_short, play, shares, summary
from dlplug_play.films import best_video

from dlplug import PositiveInt, UserError, checked_by, neutral_options
from dlplug_sb3.environments.base import Sb3Data
from dlplug_sb3.evaluation.arena import Arena, seeded
from dlplug_sb3.model import Algorithm


def check_episodes(
    product: Algorithm, data: Sb3Data, *, protocol: Literal["", "classic", "machado"], **others: Any
) -> None:
    if protocol:
        data.under(protocol)


@checked_by(check_episodes)
@neutral_options("video")
def episodes(
    product: Algorithm,
    data: Sb3Data,
    *,
    count: PositiveInt = 30,
    deterministic: bool = True,
    protocol: Literal["", "classic", "machado"] = "",
    video: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """Plays whole games and reports raw scores.

    An episode is truncated after 27,000 actions unless the environment has a shorter limit; the protocol says how many
    were truncated.

    count: number of episodes
    deterministic: take the likeliest action; else sample, or explore as in training (as the zoo does on Atari)
    protocol: evaluation protocol, classic or machado; empty takes that of training
    video: record the best episode, in colour

    Returns return (mean), return_std, return_min, return_max, episode_length (mean, in actions), video, and the
    protocol in words. A lost life does not end a game, though the agent observes it as in training. Raises UserError
    for a protocol where there is only one, and for no episodes.
    """
    if count < 1:
        raise UserError(f"a score needs 1 episode or more, got {count}")
    if protocol:
        data = data.under(protocol)
    lanes, start = min(count, LANES), seed + data.starts
    arena = Arena(data, lanes, start)
    try:
        with seeded(product.sb3, start):
            played, actions = play(product, arena, shares(count, lanes), greedy=deterministic)
    finally:
        arena.close()
    actions_by = "likeliest" if deterministic else "sampled"
    protocol_text = f"{data.protocol}; {counted(count)}, {actions_by} actions" + cut_short(played, data.episode_limit)
    results: dict[str, Any] = {"protocol": protocol_text} | summary(played)
    return results | (best_video(arena, played, actions, data.name) if video else {})
