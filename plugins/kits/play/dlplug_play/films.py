"""Videos of episodes, which are replayed from the same start to render them."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlplug import UserError, Video
from dlplug.stop import stoppable
from dlplug_play.episodes import Arena, Episode

log = logging.getLogger("dlplug")

MAX_FRAMES = 1800  # two minutes at 15 frames per second, 363 MB of Atari's pixels; a longer game is shown faster


def best_video(arena: Arena, played: Sequence[Episode], actions: np.ndarray, title: str) -> dict[str, Video]:
    """{"video": the best episode}; {} if the environments cannot be rendered, or the library that renders them is
    missing, so that the scores are reported anyway."""
    try:
        video = video_of(arena, max(played, key=lambda episode: episode.score), actions, title)
    except UserError as error:
        log.info(f"{error}; there is no video")
        return {}
    return {} if video is None else {"video": video}


def video_of(arena: Arena, episode: Episode, actions: np.ndarray, title: str) -> Video | None:
    """The video of an episode; None for environments that cannot be rendered. actions: all actions (steps, N, ...)."""
    screens = arena.film(episode.lane, actions[: episode.sent, episode.lane])
    if screens is None:
        return None
    faster = speed(episode.length, MAX_FRAMES)
    frames = np.stack(list(itertools.islice(stoppable(screens), episode.sent - episode.length, None, faster)))
    caption = f"{title}: {episode.score:g} points in {episode.length} actions{faster_than_played(faster)}"
    return Video(frames, fps=arena.fps, caption=caption)


def films(count: int, seed: int, play_one: Callable[[int], tuple[Video, float]]) -> dict[str, Any]:
    """film (or film-1, film-2, …), and return: the mean score.

    play_one: plays an episode with a seed, and returns its video and score.
    """
    videos: dict[str, Any] = {}
    scores = []
    for number in range(count):
        video, score = play_one(seed + number)
        videos["film" if count == 1 else f"film-{number + 1}"] = video
        scores.append(score)
    return videos | {"return": float(np.mean(scores))}


def speed(actions: int, max_frames: int) -> int:
    """The factor by which a video must be faster than the game to have at most `max_frames` frames."""
    return -(-(actions + 1) // max_frames)


def faster_than_played(times: int) -> str:
    return f", {times} times as fast as played" if times > 1 else ""
