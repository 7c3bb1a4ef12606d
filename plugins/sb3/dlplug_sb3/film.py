"""Games to watch: what was played is played again, from the same seed, before a camera."""

from __future__ import annotations

import gymnasium
import numpy as np

from dlplug import PositiveInt, UserError, Video
from dlplug.stop import stop_if_asked
from dlplug_sb3.environments import Played
from dlplug_sb3.games import Episode, play
from dlplug_sb3.model import Algorithm

PICTURES = 1800  # in a video; a longer game is shown faster


def film(
    product: Algorithm, data: Played, *, count: PositiveInt = 1, deterministic: bool = False, seed: int = 0
) -> dict[str, Video | float]:
    """Plays whole games and films them.

    count: number of games, each in its own film
    deterministic: take the likeliest action; else sample, or explore as in training

    Gives film (film-1, film-2, … where there are several) and return (mean). Raises UserError for environments that
    draw no pictures.
    """
    if count < 1:
        raise UserError(f"--count expects 1 game or more, got {count}")
    films: dict[str, Video | float] = {}
    scores = []
    for number in range(count):
        start = seed + data.starts + number
        environments = data.make(1, start, limit=data.episode_limit)
        try:
            (game,), actions = play(product.sb3, environments, np.array([1]), deterministic, start)
        finally:
            environments.close()
        films["film" if count == 1 else f"film-{number + 1}"] = show(data, game, actions[:, 0], start)
        scores.append(game.score)
    return films | {"return": float(np.mean(scores))}


def show(data: Played, episode: Episode, actions: np.ndarray, seed: int) -> Video:
    """The last of the episodes that the actions played from that seed, one picture before each action.

    actions: (steps, ...). Raises UserError for an environment that draws no pictures.
    """
    faster = -(-episode.length // PICTURES)
    pictures: list[np.ndarray] = []
    environments = data.make(1, seed, pictures=True, limit=data.episode_limit)
    try:
        environments.reset()
        for number, action in enumerate(actions, episode.length - len(actions)):
            stop_if_asked()
            if number >= 0 and number % faster == 0:
                (picture,) = environments.get_images()
                if picture is None:
                    raise UserError(f"{data.name} draws no pictures")
                pictures.append(data.as_shown(picture))
            environments.step(action[None])
    except (gymnasium.error.DependencyNotInstalled, NotImplementedError) as error:
        raise UserError(f"{data.name} draws no pictures here: {error}") from error
    finally:
        environments.close()
    frames = np.stack(pictures)
    even = frames[:, : frames.shape[1] // 2 * 2, : frames.shape[2] // 2 * 2]  # as H.264 wants it
    caption = f"{data.name}: {episode.score:g} points in {episode.length} actions"
    if faster > 1:
        caption += f", {faster} times as fast as played"
    return Video(even, fps=data.pictures_per_second, caption=caption)
