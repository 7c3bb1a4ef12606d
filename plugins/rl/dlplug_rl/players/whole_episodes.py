"""Data for the policy gradient of whole episodes: a step is one episode in each environment."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from dlplug_play.on_policy.rollout import Rollout
from dlplug_play.policy import Policy
from torch import nn

from dlplug import NonNegativeFloat, NonNegativeInt, PositiveInt, acting, to_device
from dlplug.stop import stop_if_asked
from dlplug_rl.environments.gym import GymEnvironments
from dlplug_rl.environments.interface import Tally, TimeStep
from dlplug_rl.players.actor import Playing
from dlplug_rl.players.on_policy import acts
from dlplug_rl.players.rollout_buffer import RolloutBuffer
from dlplug_rl.players.stages import gym_stage, own_seed

RECENT = 100  # episodes over which a training return is averaged to call a problem solved, as OpenAI's Gym did


class Episodes(Playing):
    """Plays whole episodes of any Gymnasium environment by the model's own policy, one in each environment. The batch
    is as long as its longest episode; the others are filled up with steps of weight 0, which are not counted.

    Every episode starts from its own seed, so that a resumed run plays the same ones.

    id: Gymnasium's id; `module:id` first imports a module, from the current folder or installed
    environments: number of parallel environments, and of episodes in a batch
    hidden: indices of the numbers of an observation that the policy does not see
    solved: mean return of the last 100 training episodes at which the run ends; 0 for no such end
    """

    exact = True
    remembers = ("recent",)
    training_options = ("environments", "solved")

    def __init__(
        self,
        *,
        id: str = "CartPole-v1",
        environments: PositiveInt = 8,
        hidden: tuple[NonNegativeInt, ...] = (),
        solved: NonNegativeFloat = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(*gym_stage(id, environments, seed, continuous=True, hidden=hidden))
        self.random = np.random.default_rng(own_seed(seed))
        self.solved, self.recent = solved, list[float]()

    def batches(self, model: nn.Module) -> Iterator[Rollout]:
        policy, device = acts(model), next(model.parameters()).device
        while not self.is_solved():
            with acting(model):
                rollout = self.play(policy)
            yield Rollout(*(to_device(column, device) for column in rollout))

    def is_solved(self) -> bool:
        return self.solved > 0 and len(self.recent) == RECENT and float(np.mean(self.recent)) >= self.solved

    def play(self, policy: Policy) -> Rollout:
        """One episode in each environment."""
        count = self.environments.count
        timestep, state = self.begin(), policy.start(count)
        buffer, going = RolloutBuffer(timestep, state), np.ones(count, bool)
        while going.any():
            stop_if_asked()
            action, state, extras = policy.act(timestep.obs, state, timestep.first, greedy=False)
            self.environments.send(action)
            timestep = self.environments.receive()
            buffer.add(action, extras, timestep, going)
            self.note_episodes(timestep, going)
            going = going & ~(timestep.terminated | timestep.truncated)
        _, _, extras = policy.act(timestep.obs, state, timestep.first, greedy=False)
        return buffer.rollout(extras["value"])

    def begin(self) -> TimeStep:
        assert isinstance(self.environments, GymEnvironments)
        self.environments.seed = int(self.random.integers(2**31 - self.environments.count))
        self.tally = Tally(self.environments.count)
        return self.environments.reset()

    def note_episodes(self, timestep: TimeStep, going: np.ndarray) -> None:
        """Counts the steps of the rows whose episode is going on, and the episodes that end."""
        ended = [(score, length) for row, score, length in self.tally.add(timestep) if going[row]]
        self.finished += ended
        self.recent = [*self.recent, *(score for score, _ in ended)][-RECENT:]
        self.count_steps(int(going.sum()))
