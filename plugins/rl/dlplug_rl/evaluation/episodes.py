"""The metric `episodes`: whole games under the data's protocol, raw scores, and a video of the best game."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import numpy as np
import torch
from dlplug_play.atari_names import ProtocolName
from dlplug_play.episodes import LANES, Step, counted, cut_short, play, shares, summary
from dlplug_play.films import best_video
from dlplug_play.policy import Policy
from dlplug_play.specs import PlaySpec

from dlplug import Fraction, PositiveInt, UserError, checked_by, neutral_options
from dlplug_rl.environments.interface import Environments, Tally
from dlplug_rl.scores.human import human_normalised


class Playable(Protocol):
    """The held-out data of the metric.

    game: the game's name, or "". protocol: in words. make: (count, seed) -> new environments. starts: the offset that
    the split adds to the run's seed. under: the same game under another protocol."""

    @property
    def game(self) -> str: ...

    @property
    def protocol(self) -> str: ...

    @property
    def make(self) -> Callable[[int, int], Environments]: ...

    @property
    def starts(self) -> int: ...

    def under(self, protocol: ProtocolName) -> Playable: ...


class Counted:
    """Adapts environments to the arena of `dlplug_play`, and tallies their episodes."""

    def __init__(self, environments: Environments) -> None:
        self.environments, self.count, self.fps = environments, environments.count, environments.fps
        self.film = environments.film

    def reset(self) -> np.ndarray:
        self.tally = Tally(self.count)
        return self.environments.reset().obs

    def step(self, actions: np.ndarray) -> Step:
        self.environments.send(actions)
        timestep = self.environments.receive()
        return Step(timestep.obs, timestep.first, self.tally.add(timestep))


def exploring(policy: Policy, epsilon: float, spec: PlaySpec, seed: int) -> Policy:
    """The policy itself, or with random actions at probability ε. Raises UserError where actions are no choices."""
    if not epsilon:
        return policy
    if spec.continuous:
        raise UserError(f"a random action at ε {epsilon:g} needs discrete actions: set --metrics.episodes.epsilon 0")
    return EpsilonGreedy(policy, epsilon, spec.output, seed)


class EpsilonGreedy:
    """Takes a uniformly random action with probability ε, else the wrapped policy's. seed: of these draws."""

    def __init__(self, policy: Policy, epsilon: float, actions: int, seed: int) -> None:
        self.policy, self.epsilon, self.actions = policy, epsilon, actions
        self.random = np.random.default_rng(seed)

    def start(self, count: int) -> Any:
        return self.policy.start(count)

    def act(
        self, obs: np.ndarray, state: Any, first: np.ndarray, *, greedy: bool
    ) -> tuple[np.ndarray, Any, Mapping[str, Any]]:
        random_actions = self.random.integers(self.actions, size=len(obs))
        explores = self.random.random(len(obs)) < self.epsilon
        actions, state, extras = self.policy.act(obs, state, first, greedy=greedy)
        return np.where(explores, random_actions, actions), state, extras


def check_episodes(
    product: Policy, data: Playable, *, protocol: Literal["", "classic", "machado"], **others: Any
) -> None:
    if protocol:
        data.under(protocol)


@checked_by(check_episodes)
@neutral_options("video")
def episodes(
    product: Policy,
    data: Playable,
    *,
    count: PositiveInt = 30,
    epsilon: Fraction = 0.01,
    sampled: bool = False,
    protocol: Literal["", "classic", "machado"] = "",
    video: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """Plays whole games and reports raw scores.

    An episode is truncated after 27,000 actions unless the environment has a shorter limit; the protocol says how many
    were truncated.

    count: number of episodes; 30 in Mnih et al. 2015
    epsilon: probability of a random action; 0.01 in CleanRL, 0.05 in Mnih et al., 0.001 in Dopamine
    sampled: sample actions from the policy, as in training; otherwise it takes the best or the most probable one
    protocol: evaluation protocol, classic or machado; empty takes that of training
    video: record the best episode, in colour

    Returns return (mean), return_std, return_min, return_max, episode_length (mean, in actions), human_normalised (for
    the 57 games with a human score), video, and protocol (the score's conditions in words). Raises UserError for
    a protocol where the environments have only one.
    """
    data = data.under(protocol) if protocol else data
    lanes, start = lanes_for(count), seed + data.starts
    environments = data.make(lanes, start)
    try:
        arena, policy = Counted(environments), exploring(product, epsilon, environments.spec, start)
        torch.manual_seed(start)
        played, actions = play(policy, arena, shares(count, lanes), greedy=not sampled)
        how = described(data, count, epsilon, sampled) + cut_short(played, environments.limit)
        results: dict[str, Any] = {"protocol": how}
        results |= summary(played)
        normalised = human_normalised(data.game, results["return"])
        if normalised is not None:
            results["human_normalised"] = normalised
        return results | (best_video(arena, played, actions, data.game) if video else {})
    finally:
        environments.close()


def described(data: Playable, count: int, epsilon: float, sampled: bool = False) -> str:
    """The protocol of a score in words: "pong classic: no sticky actions, …; 30 episodes at ε 0.01"."""
    policy = f"at ε {epsilon:g}" if epsilon else "of the greedy policy"
    if sampled:
        policy = f"at ε {epsilon:g}, actions sampled" if epsilon else "of sampled actions"
    return f"{data.game} {data.protocol}; {counted(count)} {policy}".lstrip()


def lanes_for(count: int) -> int:
    """The number of environments, at most LANES, that plays `count` episodes in the fewest rounds."""
    rounds = -(-count // LANES)
    return -(-count // rounds)
