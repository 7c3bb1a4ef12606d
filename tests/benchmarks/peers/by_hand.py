"""The five kinds of training of tests/core/toys, written by hand in plain torch.

Each function takes a copy of the recipe's fresh model and the run's length, and returns `learn(batch)`: one step with
the recipe's optimizer and options. `learn` returns the scalars that the run logs, detached.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Learn = Callable[[Any], dict[str, Tensor]]


def classifier(model: nn.Module, steps: int) -> Learn:
    adam = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)

    def learn(batch: Any) -> dict[str, Tensor]:
        logits = model(batch.x)
        loss = F.cross_entropy(logits, batch.y)
        loss.backward()
        adam.step()
        adam.zero_grad()
        return {"loss": loss.detach(), "accuracy": (logits.argmax(1) == batch.y).float().mean()}

    return learn


def wgan_gp(model: Any, steps: int) -> Learn:
    generator, critic = model.generator, model.critic
    critic_adam = torch.optim.Adam(critic.parameters(), lr=0.01, fused=True)
    generator_adam = torch.optim.Adam(generator.parameters(), lr=0.001, betas=(0.5, 0.999), fused=True)
    step = 0

    def penalised(real: Tensor, fake: Tensor) -> Tensor:
        share = torch.rand(len(real), 1, device=real.device)
        between = (share * real + (1 - share) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        return ((gradient.norm(dim=1) - 1) ** 2).mean()

    def learn(batch: Any) -> dict[str, Tensor]:
        nonlocal step
        step += 1
        fake = generator(torch.randn(len(batch.x), 4, device=batch.x.device))
        real_score, fake_score = critic(batch.x).mean(), critic(fake.detach()).mean()
        penalty = penalised(batch.x, fake.detach())
        critic_loss = fake_score - real_score + 10.0 * penalty
        critic_loss.backward()
        critic_adam.step()
        critic_adam.zero_grad()
        logged = {"critic_loss": critic_loss.detach(), "gradient_penalty": penalty.detach()}
        if step % 5 == 0:
            critic.requires_grad_(False)
            generator_loss = -critic(fake).mean()
            generator_loss.backward()
            critic.requires_grad_(True)
            generator_adam.step()
            generator_adam.zero_grad()
            logged["generator_loss"] = generator_loss.detach()
        return logged

    return learn


def ddpm(model: nn.Module, steps: int) -> Learn:
    adamw = torch.optim.AdamW(model.parameters(), lr=0.01, fused=True)
    ema = copy.deepcopy(model).requires_grad_(False)
    weights: list[Tensor] = [*model.parameters()]
    averages: list[Tensor] = [*ema.parameters()]
    step = 0

    def rate(progress: float) -> float:
        return progress / 0.1 if progress < 0.1 else 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9))

    def learn(batch: Any) -> dict[str, Tensor]:
        nonlocal step
        adamw.param_groups[0]["lr"] = 0.01 * rate(step / steps)
        step += 1
        time = torch.rand(len(batch.x), device=batch.x.device)
        kept = torch.cos(time * torch.pi / 2)[:, None]
        noise = torch.randn_like(batch.x)
        noisy = kept * batch.x + (1 - kept**2).sqrt() * noise
        loss = F.mse_loss(model(noisy, time), noise)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        adamw.step()
        adamw.zero_grad()
        with torch.no_grad():
            torch._foreach_lerp_(averages, weights, 0.1)  # pyright: ignore[reportPrivateImportUsage]
        return {"loss": loss.detach()}

    return learn


def lstm(model: nn.Module, steps: int) -> Learn:
    rmsprop = torch.optim.RMSprop(model.parameters(), lr=0.01, foreach=True)

    def learn(batch: Any) -> dict[str, Tensor]:
        loss = F.cross_entropy(model(batch.x)[:, 3:].transpose(1, 2), batch.y)
        loss.backward()
        rmsprop.step()
        rmsprop.zero_grad()
        return {"loss": loss.detach()}

    return learn


def dqn(model: nn.Module, steps: int) -> Learn:
    adam = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    target = copy.deepcopy(model).requires_grad_(False)
    step = 0

    def learn(batch: Any) -> dict[str, Tensor]:
        nonlocal step
        step += 1
        with torch.no_grad():
            goal = batch.reward + 0.9 * (1 - batch.terminated) * target(batch.next_obs).amax(1)
        chosen = model(batch.obs).gather(1, batch.action[:, None])[:, 0]
        loss = F.smooth_l1_loss(chosen, goal)
        loss.backward()
        adam.step()
        adam.zero_grad()
        if step % 10 == 0:
            target.load_state_dict(model.state_dict())
        return {"loss": loss.detach(), "q": chosen.detach().mean()}

    return learn


class Means:
    """The mean of each scalar over `every` steps, read from the device once."""

    def __init__(self, every: int) -> None:
        self.every, self.steps = every, 0
        self.kept: dict[str, list[Tensor]] = {}

    def add(self, scalars: dict[str, Tensor]) -> None:
        for name, value in scalars.items():
            self.kept.setdefault(name, []).append(value)
        self.steps += 1
        if self.steps % self.every == 0:
            self.means = {name: torch.stack(values).mean().item() for name, values in self.kept.items()}
            self.kept = {}


def same(one: Iterable[Tensor], other: Iterable[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
