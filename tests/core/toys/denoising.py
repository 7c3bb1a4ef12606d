"""Averaged weights: a DDPM of points on a ring."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Lagged, Loss, Spec, Update


class Denoiser(nn.Module):
    """Predicts the noise in a noisy point at a time."""

    def __init__(self, spec: Spec, *, width: int = 32) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return self.net(torch.cat([x, time[:, None]], 1))


class Diffusion(Loss):
    """DDPM's simple loss (Ho et al. 2020), with averaged weights as the product."""

    def __init__(self, model: nn.Module, *, rate: float = 0.1) -> None:
        super().__init__(model)
        self.averaged = Lagged(model, rate)

    def updates(self, batch):
        time = torch.rand(len(batch.x), device=batch.x.device)
        kept = torch.cos(time * torch.pi / 2)[:, None]  # √ᾱ of a cosine schedule
        noise = torch.randn_like(batch.x)
        noisy = kept * batch.x + (1 - kept**2).sqrt() * noise
        yield Update(F.mse_loss(self.model(noisy, time), noise))
        self.averaged.follow(self.model)

    def product(self):
        return self.averaged
