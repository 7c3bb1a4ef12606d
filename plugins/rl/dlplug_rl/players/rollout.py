"""Data for on-policy learning: rollouts of the current policy, each trained on and then discarded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dlplug import Fraction, PositiveInt, UserError, to_device
from dlplug.stop import stop_if_asked
from dlplug_rl.environments.interface import Environments
from dlplug_rl.players.actor import Actor, Exploration, q_values
from dlplug_rl.players.stages import AtariGame, Stage, atari_stage, gym_stage, own_seed


class Steps(NamedTuple):
    """A minibatch of a rollout, B steps on the model's device.

    obs: (B, *input). action: (B,) int64. goal: (B,) float32, the λ-return. weight: (B,) float32, 0 for rows that
    reset an episode and are no steps, else 1.
    """

    obs: Tensor
    action: Tensor
    goal: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Plan:
    """A rollout, and its epochs and minibatches.

    rollout: steps per environment and rollout
    epochs: epochs of updates over each rollout
    minibatches: minibatches per epoch, one update each
    gamma: discount γ per step
    trace: λ of the λ-returns
    """

    rollout: PositiveInt = 32
    epochs: PositiveInt = 2
    minibatches: PositiveInt = 32
    gamma: Fraction = 0.99
    trace: Fraction = 0.65


def lambda_returns(
    reward: np.ndarray, stops: np.ndarray, ended: np.ndarray, next_value: np.ndarray, gamma: float, trace: float
) -> np.ndarray:
    """Peng's Q(λ), as PQN uses it: G_t = r_t + γ [λ G_{t+1} + (1 - λ) max_a Q(s_{t+1}, a)], (T, N).

    reward, next_value (max_a Q of the next state): (T, N). stops: where the bootstrap stops; ended: where the episode
    ended, also by a time limit, so that the next row belongs to another episode. Peng & Williams 1996; Gallici et al.
    2025, arXiv:2407.04811, section 4.
    """
    returns = np.empty_like(reward)
    later = next_value[-1]
    for t in reversed(range(len(reward))):
        mixed = np.where(ended[t], next_value[t], trace * later + (1 - trace) * next_value[t])
        later = returns[t] = reward[t] + gamma * np.where(stops[t], 0.0, mixed)
    return returns


class RolloutPlayer(Actor):
    """Plays `rollout` steps in every environment, then yields them in `minibatches` shuffled minibatches, `epochs`
    times, as in Gallici et al. 2025 (PQN, arXiv:2407.04811)."""

    training_options = (
        "size", "environments", "threads", "rollout", "epochs", "minibatches", "gamma", "trace", "epsilon_start",
        "epsilon_end", "epsilon_steps", "clip_reward",
    )  # fmt: skip

    def __init__(
        self,
        environments: Environments,
        stage: Stage,
        plan: Plan,
        exploration: Exploration,
        *,
        life_loss_terminates: bool = False,
        clip_reward: bool = False,
        seed: int = 0,
    ) -> None:
        if plan.rollout * environments.count % plan.minibatches:
            raise UserError(
                f"{plan.rollout} steps of {environments.count} environments do not make {plan.minibatches} equal"
                " minibatches"
            )
        super().__init__(environments, stage, exploration, own_seed(seed))
        self.plan, self.life_loss_terminates, self.clip_reward = plan, life_loss_terminates, clip_reward

    def batches(self, model: nn.Module) -> Iterator[Steps]:
        device = next(model.parameters()).device
        size = self.plan.rollout * self.environments.count // self.plan.minibatches
        self.timestep = self.environments.reset()
        while True:
            steps = self.play(model, device)
            for _ in range(self.plan.epochs):
                order = to_device(torch.from_numpy(self.random.permutation(len(steps.action))), device)
                for rows in order.split(size):
                    yield Steps(*(column[rows] for column in steps))

    def play(self, model: nn.Module, device: torch.device) -> Steps:
        """Plays T steps in N environments: (T * N, ...)."""
        length, count = self.plan.rollout, self.environments.count
        obs = np.empty((length, *self.timestep.obs.shape), self.timestep.obs.dtype)
        action = np.empty((length, count), np.int64)
        reward, next_value = np.empty((2, length, count), np.float32)
        stops, ended, first = np.empty((3, length, count), bool)
        # q chooses the action, and is the next value of the step before
        q = q_values(model, self.timestep.obs, device).cpu().numpy()
        for t in range(length):
            stop_if_asked()
            explores, random_actions = self.explore(count)
            obs[t], action[t] = self.timestep.obs, np.where(explores, random_actions, q.argmax(1))
            self.environments.send(action[t])
            self.timestep = timestep = self.environments.receive()
            self.note(timestep)
            q = q_values(model, timestep.obs, device).cpu().numpy()
            reward[t] = np.sign(timestep.reward) if self.clip_reward else timestep.reward
            stops[t] = timestep.terminated | timestep.life_lost if self.life_loss_terminates else timestep.terminated
            ended[t], first[t], next_value[t] = timestep.terminated | timestep.truncated, timestep.first, q.max(1)
        goal = lambda_returns(reward, stops, ended, next_value, self.plan.gamma, self.plan.trace)
        columns = (obs, action, goal, (~first).astype(np.float32))
        return Steps(
            *(to_device(torch.from_numpy(column.reshape(-1, *column.shape[2:])), device) for column in columns)
        )


class AtariRollout(RolloutPlayer):
    """Plays an Atari game without a replay buffer.

    clip_reward: clip rewards to their sign for learning; reported returns are raw
    """

    def __init__(
        self,
        *,
        game: AtariGame = AtariGame(environments=128),
        plan: Plan = Plan(),
        exploration: Exploration = Exploration(epsilon_end=0.001, epsilon_steps=5_000_000),
        clip_reward: bool = True,
        seed: int = 0,
    ) -> None:
        environments, stage, rules = atari_stage(game, seed)
        super().__init__(
            environments,
            stage,
            plan,
            exploration,
            life_loss_terminates=rules.life_loss_terminates,
            clip_reward=clip_reward,
            seed=seed,
        )


class GymRollout(RolloutPlayer):
    """Plays any Gymnasium environment with Box observations and discrete actions, without a replay buffer.

    id: Gymnasium's id; `module:id` first imports a module, from the current folder or installed
    environments: number of parallel environments
    """

    def __init__(
        self,
        *,
        id: str = "CartPole-v1",
        environments: PositiveInt = 32,
        plan: Plan = Plan(rollout=64, epochs=4, minibatches=16, trace=0.95),
        exploration: Exploration = Exploration(epsilon_end=0.05, epsilon_steps=100_000),
        seed: int = 0,
    ) -> None:
        super().__init__(*gym_stage(id, environments, seed), plan, exploration, seed=seed)
