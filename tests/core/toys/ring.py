"""Two parts that take turns: a WGAN-GP of points on a ring, with five critic steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dlplug import Data, Labelled, Loss, Spec, Turn, Update

from .devices import device_of, on


class Ring(Data):
    """Eight Gaussians on a ring, drawn anew for each batch."""

    def __init__(self, *, batch_size: int = 64, seed: int) -> None:
        self.batch_size = batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.spec = Spec(input=(2,), output=2)

    def batches(self, model):
        y = torch.zeros(self.batch_size, dtype=torch.long)
        while True:
            yield Labelled(*on(device_of(model), self.draw(self.batch_size), y))

    def draw(self, count):
        angle = torch.randint(8, (count,), generator=self.generator) * (torch.pi / 4)
        centre = 2 * torch.stack([angle.cos(), angle.sin()], 1)
        return centre + 0.05 * torch.randn(count, 2, generator=self.generator)


class Pair(nn.Module):
    """A generator and a critic of points."""

    def __init__(self, spec: Spec, *, width: int = 32) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 2))
        self.critic = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 1))


class WassersteinPenalty(Loss):
    """WGAN-GP (Gulrajani et al. 2017): `critic_steps` steps of the critic for one of the generator.

    critic_steps: critic steps for one generator step.
    penalty: weight λ of the gradient penalty.
    """

    parts = ("critic", "generator")

    def __init__(self, model: nn.Module, *, critic_steps: int = 5, penalty: float = 10.0) -> None:
        super().__init__(model)
        self.turn, self.penalty = Turn(critic_steps), penalty

    def updates(self, batch):
        fake = self.model.generator(torch.randn(len(batch.x), 4, device=batch.x.device))
        real_score, fake_score = self.model.critic(batch.x).mean(), self.model.critic(fake.detach()).mean()
        penalty = gradient_penalty(self.model.critic, batch.x, fake.detach())
        yield Update(fake_score - real_score + self.penalty * penalty, "critic", gradient_penalty=penalty)
        if self.turn():
            yield Update(-self.model.critic(fake).mean(), "generator")

    def product(self):
        return self.model.generator


def gradient_penalty(critic, real: Tensor, fake: Tensor) -> Tensor:
    """(|∇ D(x̂)| - 1)² at points x̂ between real and fake ones, both (B, D)."""
    share = torch.rand(len(real), 1, device=real.device)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((gradient.norm(dim=1) - 1) ** 2).mean()
