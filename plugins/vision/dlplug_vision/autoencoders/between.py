"""Interpolations between two images: decoded points between their latent codes."""

from __future__ import annotations

from typing import Annotated

import torch
from dlplug_figures.figure import new_figure, to_image
from dlplug_figures.images import show, tiled
from dlplug_images.images import HeldOut, scaled
from torch import Tensor, nn

from dlplug import Image, PositiveInt, Range
from dlplug_vision.autoencoders.networks import halves


def between(
    model: nn.Module, data: HeldOut, *, count: PositiveInt = 6, steps: Annotated[int, Range(ge=2)] = 9, seed: int
) -> dict[str, Image]:
    """Interpolations between two images: a row for each pair, in equal steps of the latent code.

    count: number of pairs, drawn from the split by the seed.
    steps: images per row, including both ends.
    """
    drawn = torch.randperm(len(data.images), generator=torch.Generator().manual_seed(seed))[: 2 * count]
    pairs = drawn[: len(drawn) // 2 * 2].view(-1, 2)
    x = scaled(data.images[pairs.flatten()].to(next(model.parameters()).device))
    encoder, decoder = halves(model)
    codes = interpolated(encoder(x).unflatten(0, (-1, 2)), steps)
    images = decoder(codes.flatten(0, 1)).float().cpu()
    figure = new_figure(0.8 * steps, 0.8 * len(pairs) + 0.4)
    show(figure.subplots(), tiled(images.clamp(0, 1).permute(0, 2, 3, 1), steps))
    figure.suptitle("reconstructions at equal steps between two latent codes", fontsize=9)
    return {"between": to_image(figure, f"reconstructions between {len(pairs)} pairs of images")}


def interpolated(ends: Tensor, steps: int) -> Tensor:
    """(1 - λ) z + λ z' for pairs of codes (P, 2, code), λ from 0 to 1 in equal steps: (P, steps, code)."""
    weight = torch.linspace(0, 1, steps, device=ends.device)[:, None]
    return (1 - weight) * ends[:, :1] + weight * ends[:, 1:]
