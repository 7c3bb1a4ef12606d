"""Data for policy gradients: rollouts of the current policy, which explores by itself. A step is a whole rollout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from dlplug_play.on_policy.rollout import Rollout
from dlplug_play.policy import Policy
from torch import nn

from dlplug import NonNegativeInt, PositiveInt, UserError, acting, to_device
from dlplug.stop import stop_if_asked
from dlplug_rl.environments.interface import Environments
from dlplug_rl.players.actor import Playing
from dlplug_rl.players.rollout_buffer import RolloutBuffer
from dlplug_rl.players.stages import AtariGame, Stage, atari_stage, gym_stage


class Rollouts(Playing):
    """Plays `rollout` steps in every environment and yields them; episodes go on in the next rollout.

    life_loss_terminates: whether the bootstrap stops at a lost life.
    """

    forgets = ("state",)
    training_options = ("size", "environments", "threads", "rollout", "clip_reward")

    def __init__(
        self,
        environments: Environments,
        stage: Stage,
        rollout: int,
        *,
        life_loss_terminates: bool = False,
        clip_reward: bool = False,
    ) -> None:
        super().__init__(environments, stage)
        self.rollout, self.life_loss_terminates, self.clip_reward = rollout, life_loss_terminates, clip_reward
        self.state = torch.empty(0)

    def batches(self, model: nn.Module) -> Iterator[Rollout]:
        policy, device = acts(model), next(model.parameters()).device
        self.timestep, self.state = self.environments.reset(), policy.start(self.environments.count)
        while True:
            with acting(model):
                rollout = self.play(policy)
            yield Rollout(*(to_device(column, device) for column in rollout))

    def play(self, policy: Policy) -> Rollout:
        buffer = RolloutBuffer(self.timestep, self.state)
        for _ in range(self.rollout):
            stop_if_asked()
            action, self.state, extras = policy.act(self.timestep.obs, self.state, self.timestep.first, greedy=False)
            self.environments.send(action)
            self.timestep = self.environments.receive()
            self.note(self.timestep)
            buffer.add(action, extras, self.timestep)
        _, _, extras = policy.act(self.timestep.obs, self.state, self.timestep.first, greedy=False)
        return buffer.rollout(
            extras["value"], clip_reward=self.clip_reward, life_loss_terminates=self.life_loss_terminates
        )


def acts(model: nn.Module) -> Policy:
    """The model itself. Raises UserError for one that cannot act."""
    if not (hasattr(model, "act") and hasattr(model, "start")):
        raise UserError(f"these data need a model that acts, got a {type(model).__name__}: --model actor-critic")
    return cast(Policy, model)


class AtariRollouts(Rollouts):
    """Plays an Atari game by the model's own policy.

    rollout: steps per environment and rollout; 128 in Schulman et al. 2017
    clip_reward: clip rewards to their sign for learning; reported returns are raw
    """

    def __init__(
        self,
        *,
        game: AtariGame = AtariGame(),
        rollout: PositiveInt = 128,
        clip_reward: bool = True,
        seed: int = 0,
    ) -> None:
        environments, stage, rules = atari_stage(game, seed)
        life_loss = rules.life_loss_terminates
        super().__init__(environments, stage, rollout, life_loss_terminates=life_loss, clip_reward=clip_reward)


class GymRollouts(Rollouts):
    """Plays any Gymnasium environment with Box observations, and discrete or continuous actions, by the model's own
    policy.

    id: Gymnasium's id; `module:id` first imports a module, from the current folder or installed
    environments: number of parallel environments
    rollout: steps per environment and rollout
    hidden: indices of the numbers of an observation that the policy does not see
    """

    def __init__(
        self,
        *,
        id: str = "CartPole-v1",
        environments: PositiveInt = 8,
        rollout: PositiveInt = 32,
        hidden: tuple[NonNegativeInt, ...] = (),
        seed: int = 0,
    ) -> None:
        super().__init__(*gym_stage(id, environments, seed, continuous=True, hidden=hidden), rollout)
