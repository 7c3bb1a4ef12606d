"""The sampler `film`: games of a trained policy, with the score and the value of each action beside the frame."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from dlplug_play.films import faster_than_played, films, speed
from dlplug_play.policy import Policy

from dlplug import Fraction, PositiveInt
from dlplug.errors import UserError
from dlplug.media import Video
from dlplug.output import command
from dlplug.stop import stop_if_asked, stoppable
from dlplug_rl.environments.interface import Environments
from dlplug_rl.evaluation.canvas import Canvas
from dlplug_rl.evaluation.episodes import Playable, exploring


class Game(NamedTuple):
    """A whole game of T actions: their values before each (T, A), the ones taken (T,) or, where they are continuous,
    (T, D), and the raw rewards (T,)."""

    values: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray

    @property
    def score(self) -> float:
        return float(self.rewards.sum())


def film(
    product: Policy,
    data: Playable,
    *,
    count: PositiveInt = 1,
    epsilon: Fraction = 0.01,
    sampled: bool = False,
    actions: PositiveInt = 27_000,
    pictures: PositiveInt = 3_000,
    seed: int = 0,
) -> dict[str, Any]:
    """Plays games and films them, with the score so far beside the frame, and the value of every action: its Q-value,
    or its probability under a policy that draws its actions; of continuous actions the means.

    count: number of games, each in its own film
    epsilon: probability of a random action
    sampled: sample actions from the policy, as in training
    actions: largest number of actions per game; 27,000 is the time limit of Atari games, half an hour
    pictures: largest number of images per film; a longer game is shown faster

    Returns film (film-1, film-2, … for several) and return (mean). Raises UserError for environments that
    cannot render.
    """

    def play_one(start: int) -> tuple[Video, float]:
        environments = data.make(1, start)
        try:
            game = play(product, environments, epsilon, actions, start, greedy=not sampled)
            return show(environments, game, data.game or data.protocol, pictures), game.score
        finally:
            environments.close()

    return films(count, seed + data.starts, play_one)


def play(
    product: Policy, environments: Environments, epsilon: float, limit: int, seed: int, *, greedy: bool = True
) -> Game:
    """One game in a single environment, from its reset to its end or `limit` actions."""
    policy = exploring(product, epsilon, environments.spec, seed)
    torch.manual_seed(seed)
    values, actions, rewards = [], [], []
    timestep, state = environments.reset(), policy.start(1)
    while not (timestep.terminated[0] or timestep.truncated[0]) and len(actions) < limit:
        stop_if_asked()
        action, state, extras = policy.act(timestep.obs, state, timestep.first, greedy=greedy)
        environments.send(action)
        timestep = environments.receive()
        values.append(extras["values"][0].cpu().numpy())
        actions.append(action[0])
        rewards.append(timestep.reward[0])
    return Game(np.array(values), np.array(actions), np.array(rewards))


def show(environments: Environments, game: Game, title: str, pictures: int) -> Video:
    """The video of a game, which is replayed to render it; images are drawn while the video is written."""
    screens = environments.film(0, game.actions)
    if screens is None:
        raise UserError(
            f"{title} cannot render images, so it cannot be filmed; `{command('eval', 'RUN')}` reports its scores"
        )
    title = re.split("[:/]", title)[-1]
    names = environments.spec.names or tuple(f"action {action}" for action in range(environments.spec.output))
    steps = len(game.actions)
    faster = speed(steps, pictures)
    caption = f"{title}: a score of {game.score:g} in {steps} actions{faster_than_played(faster)}"
    return Video(drawn(screens, game, names, title, faster), fps=environments.fps, caption=caption)


def drawn(
    screens: Iterable[np.ndarray], game: Game, names: Sequence[str], title: str, faster: int
) -> Iterator[np.ndarray]:
    """Every `faster`-th of the T + 1 screens, and the last, with the score and the values at that time."""
    scores = np.concatenate([[0.0], game.rewards.cumsum()])
    canvas, last = None, len(game.actions)
    for t, screen in enumerate(stoppable(screens)):
        canvas = canvas or Canvas(screen.shape, names, title, game.values.min(), game.values.max())
        if t == last:
            yield canvas.draw(screen, scores[t])
        elif t % faster == 0:
            taken = int(game.actions[t]) if game.actions.ndim == 1 else None
            yield canvas.draw(screen, scores[t], game.values[t], taken)
