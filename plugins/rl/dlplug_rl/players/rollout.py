"""Data for on-policy learning: rollouts of the current policy, learnt from and dropped."""

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

    obs: (B, *input). action: (B,) int64. goal: (B,) float32, the λ-return. weight: (B,) float32, 0 for the rows
    between two episodes, which are no steps, else 1.
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

    reward, next_value (max_a Q of what the step led to): (T, N). stops: where the bootstrap stops; ended: where the
    episode does (by a time limit, too), so that the next row is another's. Peng & Williams 1996; Gallici et al. 2025,
    arXiv:2407.04811, section 4.
    """
    returns = np.empty_like(reward)
    later = next_value[-1]
    for t in reversed(range(len(reward))):
        mixed = np.where(ended[t], next_value[t], trace * later + (1 - trace) * next_value[t])
        later = returns[t] = reward[t] + gamma * np.where(stops[t], 0.0, mixed)
    return returns


class RolloutPlayer(Actor):
    """Plays `rollout` steps in every environment, then yields all of them, shuffled, `epochs` times over in
    `minibatches` parts, as Gallici et al. 2025 (PQN, arXiv:2407.04811) do."""

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
        self.seen = self.environments.reset()
        while True:
            steps = self.play(model, device)
            for _ in range(self.plan.epochs):
                order = to_device(torch.from_numpy(self.random.permutation(len(steps.action))), device)
                for rows in order.split(size):
                    yield Steps(*(column[rows] for column in steps))

    def play(self, model: nn.Module, device: torch.device) -> Steps:
        """T steps of N environments: (T * N, ...)."""
        length, count = self.plan.rollout, self.environments.count
        obs = np.empty((length, *self.seen.obs.shape), self.seen.obs.dtype)
        action = np.empty((length, count), np.int64)
        reward, next_value = np.empty((2, length, count), np.float32)
        stops, ended, first = np.empty((3, length, count), bool)
        q = q_values(model, self.seen.obs, device).cpu().numpy()  # both chooses the action and ends traces
        for t in range(length):
            stop_if_asked()
            explores, anything = self.explore(count)
            obs[t], action[t] = self.seen.obs, np.where(explores, anything, q.argmax(1))
            self.environments.send(action[t])
            self.seen = seen = self.environments.receive()
            self.note(seen)
            q = q_values(model, seen.obs, device).cpu().numpy()
            reward[t] = np.sign(seen.reward) if self.clip_reward else seen.reward
            stops[t] = seen.terminated | seen.life_lost if self.life_loss_terminates else seen.terminated
            ended[t], first[t], next_value[t] = seen.terminated | seen.truncated, seen.first, q.max(1)
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
    """Plays any Gymnasium environment that shows a vector or a grid and has discrete actions, without a replay buffer.

    id: as registered with Gymnasium; `module:id` imports a module first, of this folder or installed
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
