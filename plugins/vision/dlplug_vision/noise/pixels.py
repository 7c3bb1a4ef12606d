"""The noise of the denoising autoencoder and of the noise table: random pixels are replaced."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from dlplug import UserError


def replaced(x: Tensor, probability: Tensor | float, generator: Generator | None = None) -> Tensor:
    """Each pixel of x (B, C, H, W) replaced, with the given probability, by a uniform draw from [0, 1].

    Pixels and colour channels are replaced independently. A probability of 0.5 leaves half of the pixels unchanged, and
    nothing marks them.

    probability: one for all images, or (B, 1, 1, 1). generator: on x's device; None is torch's own.
    """
    replaced_mask = torch.rand(x.shape, generator=generator, device=x.device) < probability
    return torch.where(replaced_mask, torch.rand(x.shape, generator=generator, device=x.device), x)


def replaced_alike(x: Tensor, probability: float) -> Tensor:
    """`replaced` with the same noise in every run and on every device, for metrics."""
    return replaced(x.cpu(), probability, Generator().manual_seed(0)).to(x.device)


def check_probability(option: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise UserError(f"{option} is the fraction of pixels to replace, between 0 and 1, got {value}")
