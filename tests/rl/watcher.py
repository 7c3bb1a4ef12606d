"""A game to measure on, and a policy that remembers what it was shown."""

from __future__ import annotations

import numpy as np
from dlplug_play.episodes import Episode
from dlplug_play.episodes import play as play_in
from dlplug_rl.environments.atari import PROTOCOLS, AtariEnvironments, ProtocolName
from dlplug_rl.environments.interface import Environments
from dlplug_rl.evaluation.episodes import Counted, EpsilonGreedy
from made import Acting

START = 1_000_003  # what `Stage` adds to a run's seed


class Stage:
    starts = START

    def __init__(self, game: str, frame_limit: int = 1200, protocol: ProtocolName = "classic") -> None:
        self.game, self.frame_limit, self.name = game, frame_limit, protocol
        self.protocol = PROTOCOLS[protocol].text

    def make(self, count: int, seed: int) -> Environments:
        return AtariEnvironments(self.game, count=count, seed=seed, frame_limit=self.frame_limit, protocol=self.name)

    def under(self, protocol: ProtocolName) -> Stage:
        return Stage(self.game, self.frame_limit, protocol)


class Watcher(Acting):
    """Plays at random and remembers all that it was shown."""

    def __init__(self, actions: int) -> None:
        super().__init__(self)
        self.actions, self.generator, self.shown = actions, np.random.default_rng(0), []

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        self.shown.append(obs[:, -1].copy())
        return self.generator.integers(self.actions, size=len(obs))


def play(
    policy: Acting, environments: Environments, wanted: np.ndarray, epsilon: float, seed: int
) -> tuple[list[Episode], np.ndarray]:
    exploring = EpsilonGreedy(policy, epsilon, environments.spec.output, seed)
    return play_in(exploring, Counted(environments), wanted)
