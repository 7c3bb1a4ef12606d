"""A tiny PPO: a rollout of a corridor is a batch; epochs and minibatches are the loss's updates; and an actor-critic
with two optimizers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from toys.devices import device_of, on

from dlplug import Data, Loss, Progress, Spec, Update, acting

CELLS = 5


class Rollout(NamedTuple):
    """T steps of N walkers, and the observations after them. obs: (T + 1, N, 5); the others (T, N)."""

    obs: Tensor
    action: Tensor
    reward: Tensor
    terminated: Tensor
    logp: Tensor


class Corridor(Data):
    """Walkers in five cells each; stepping off the right end pays 1."""

    unit = "moves"
    distributed = False
    remembers = ("cell",)

    def __init__(self, *, walkers: int = 16, length: int = 16, seed: int) -> None:
        self.length, self.spec = length, Spec(input=(CELLS,), output=2)
        self.cell = torch.zeros(walkers, dtype=torch.long)
        self.generator = torch.Generator().manual_seed(seed)
        self.progress = Progress()

    def batches(self, model: nn.Module) -> Iterator[Rollout]:
        while True:
            with acting(model):
                rollout = self.play(model)
            self.count += rollout.action.numel()
            yield Rollout(*on(device_of(model), *rollout))

    def play(self, model: Any) -> Rollout:
        obs, steps = [self.look()], []
        for _ in range(self.length):
            logp = model(obs[-1])[:, :2].float().log_softmax(1)
            explore = torch.rand(len(logp), 1, generator=self.generator) < 0.5 - 0.5 * float(self.progress)
            action = torch.multinomial(torch.where(explore, 0.5, logp.exp()), 1, generator=self.generator)
            self.cell = (self.cell + 2 * action[:, 0] - 1).clamp(min=0)
            terminated = self.cell == CELLS
            self.cell = self.cell * ~terminated
            steps.append((action[:, 0], terminated.float(), terminated.float(), logp.gather(1, action)[:, 0]))
            obs.append(self.look())
        return Rollout(torch.stack(obs), *(torch.stack(column) for column in zip(*steps, strict=True)))

    def look(self) -> Tensor:
        return F.one_hot(self.cell, CELLS).float()


class ActorCritic(nn.Module):
    """Logits of two actions and a value, (N, 3)."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.actor, self.critic = nn.Linear(spec.input[0], spec.output), nn.Linear(spec.input[0], 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.actor(x), self.critic(x)], -1)


def advantages(batch: Rollout, value: Tensor, gamma: float = 0.9, trace: float = 0.9) -> Tensor:
    """GAE (Schulman et al. 2016), (T, N) from values (T + 1, N)."""
    later, found = torch.zeros_like(value[0]), []
    for t in reversed(range(len(batch.reward))):
        on_going = gamma * (1 - batch.terminated[t])
        later = batch.reward[t] + on_going * value[t + 1] - value[t] + on_going * trace * later
        found.append(later)
    return torch.stack(found[::-1])


class Ppo(Loss):
    """Four epochs of four minibatches over each rollout (Schulman et al. 2017); entropy's weight falls to zero."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.progress = Progress()

    def updates(self, batch: Rollout) -> Iterator[Update]:
        with torch.no_grad():
            value = self.model(batch.obs)[..., 2]
            advantage = advantages(batch, value)
            goal = (advantage + value[:-1]).flatten()
        obs, columns = batch.obs[:-1].flatten(0, 1), (batch.action.flatten(), batch.logp.flatten(), advantage.flatten())
        for _ in range(4):
            for rows in torch.randperm(len(goal)).to(obs.device).chunk(4):
                action, before, gain = (column[rows] for column in columns)
                logits, value = self.model(obs[rows]).split([2, 1], 1)
                logp = logits.log_softmax(1)
                ratio = (logp.gather(1, action[:, None])[:, 0] - before).exp()
                policy = torch.min(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()
                entropy = -(logp.exp() * logp).sum(1).mean()
                error = (value[:, 0] - goal[rows]).square().mean()
                weight = 0.01 * (1 - self.progress.tensor())
                yield Update(error - policy - weight * entropy, entropy=entropy)


# An actor-critic whose parts have an optimizer each, and log values of one name


class TwoOptimizers(Loss):
    """Advantage actor-critic (Mnih et al. 2016) of two parts."""

    parts = ("critic", "actor")

    def updates(self, batch: Rollout) -> Iterator[Update]:
        assert isinstance(self.model, ActorCritic)
        value = self.model.critic(batch.obs)[..., 0]
        advantage = advantages(batch, value.detach())
        error = (value[:-1] - (advantage + value[:-1]).detach()).square()
        yield Update(error.mean(), "critic", largest=error.max())
        logp = self.model.actor(batch.obs[:-1]).log_softmax(-1).gather(2, batch.action[..., None])[..., 0]
        yield Update(-(logp * advantage).mean(), "actor", largest=advantage.max())
