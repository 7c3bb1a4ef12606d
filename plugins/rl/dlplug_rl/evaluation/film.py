"""A trained policy's games to watch: the screen, and beside it the score and what the policy thinks of each action."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from torch import Tensor

from dlplug import Fraction, PositiveInt
from dlplug.advice import command
from dlplug.errors import UserError
from dlplug.media import Video
from dlplug.stop import stop_if_asked
from dlplug_rl.environments.interface import Environments
from dlplug_rl.evaluation.canvas import Canvas
from dlplug_rl.evaluation.episodes import Playable, stoppable


class Judge(Protocol):
    """A policy that can say what it thinks of each action."""

    def values(self, obs: np.ndarray) -> Tensor:
        """Q(s, ·): (N, actions) for observations (N, ...)."""
        ...


class Game(NamedTuple):
    """A whole game of T actions: their values before each (T, A), the ones taken (T,), and the raw rewards (T,)."""

    values: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray

    @property
    def score(self) -> float:
        return float(self.rewards.sum())


def film(
    product: Judge,
    data: Playable,
    *,
    count: PositiveInt = 1,
    epsilon: Fraction = 0.01,
    actions: PositiveInt = 27_000,
    pictures: PositiveInt = 3_000,
    seed: int = 0,
) -> dict[str, Any]:
    """Plays games and films them, with the score so far and the value of every action beside the screen.

    count: number of games, each in its own film
    epsilon: probability of a random action
    actions: largest number of actions per game; 27,000 are the half hour that ends any Atari game
    pictures: largest number of pictures per film; a longer game is shown faster

    Gives film (film-1, film-2, … where there are several) and return (mean). Raises UserError for environments that
    draw no pictures.
    """
    films: dict[str, Any] = {}
    scores = []
    for number in range(count):
        start = seed + data.starts + number
        environments = data.make(1, start)
        try:
            game = play(product, environments, epsilon, actions, start)
            shown = show(environments, game, data.game or data.protocol, pictures)
        finally:
            environments.close()
        films["film" if count == 1 else f"film-{number + 1}"] = shown
        scores.append(game.score)
    return films | {"return": float(np.mean(scores))}


def play(policy: Judge, environments: Environments, epsilon: float, limit: int, seed: int) -> Game:
    """One game of the one environment there is, from its reset to its end or a limit of actions: the action of the
    highest value, or with probability ε any."""
    generator = np.random.default_rng(seed)
    values, actions, rewards = [], [], []
    seen = environments.reset()
    while not (seen.terminated[0] or seen.truncated[0]) and len(actions) < limit:
        stop_if_asked()
        q = policy.values(seen.obs)[0].cpu().numpy()
        explores = generator.random() < epsilon
        action = generator.integers(len(q)) if explores else q.argmax()
        environments.send(np.array([action]))
        seen = environments.receive()
        values.append(q)
        actions.append(action)
        rewards.append(seen.reward[0])
    return Game(np.array(values), np.array(actions), np.array(rewards))


def show(environments: Environments, game: Game, title: str, pictures: int) -> Video:
    """The game, played again before a camera. Its pictures are drawn one by one while the video is written."""
    screens = environments.film(0, game.actions)
    if screens is None:
        raise UserError(
            f"{title} draws no pictures, so it cannot be filmed; `{command('eval', 'RUN')}` plays it and counts"
        )
    title = re.split("[:/]", title)[-1]
    names = environments.spec.names or tuple(f"action {action}" for action in range(environments.spec.output))
    steps = len(game.actions)
    faster = -(-(steps + 1) // pictures)
    caption = f"{title}: a score of {game.score:g} in {steps} actions"
    if faster > 1:
        caption += f", {faster} times as fast as played"
    return Video(drawn(screens, game, names, title, faster), fps=environments.fps, caption=caption)


def drawn(
    screens: Iterable[np.ndarray], game: Game, names: Sequence[str], title: str, faster: int
) -> Iterator[np.ndarray]:
    """Every `faster`-th of the T + 1 screens, and the last, beside the score and the values of that moment."""
    scores = np.concatenate([[0.0], game.rewards.cumsum()])
    canvas, last = None, len(game.actions)
    for t, screen in enumerate(stoppable(screens)):
        canvas = canvas or Canvas(screen.shape, names, title, game.values.min(), game.values.max())
        if t == last:
            yield canvas.draw(screen, scores[t])
        elif t % faster == 0:
            yield canvas.draw(screen, scores[t], game.values[t], int(game.actions[t]))
