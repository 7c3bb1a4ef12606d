"""Figures of a variational autoencoder's latent space: reconstructions, interpolations, the manifold of two latents."""

from __future__ import annotations

from typing import Any, Literal

import torch
from dlplug_figures.figure import new_figure, to_image
from torch import Tensor

from dlplug import Image, Labelled, NonNegativeInt, PositiveInt, UserError
from dlplug_generative.generating import check_count, examples_of
from dlplug_generative.samples.drawing import grid
from dlplug_generative.vae.binarise import Binarisation, binarised
from dlplug_generative.vae.model import VAE, vae_of


def reconstructed(
    product: Any,
    data: Any,
    *,
    count: PositiveInt = 32,
    binarisation: Literal["static", "dynamic", "none"] = "none",
    seed: int,
) -> dict[str, Image]:
    """Images of the split, each next to its reconstruction from the mean of q(z|x).

    count: number of images, drawn at random by --seed.
    binarisation: binarisation of the encoder's input.
    """
    vae = image_vae(product, "reconstructed", data)
    x, y = drawn(data, count, seed, vae, binarisation)
    decoded = vae.expected(vae.decode(vae.encode(x, y).mean[None], y))[0]
    pairs = torch.stack([x, decoded], 1).flatten(0, 1)
    return {"reconstructed": Image(grid(pairs, 8), f"{len(x)} images, each with its reconstruction to the right")}


def interpolation(
    product: Any,
    data: Any,
    *,
    count: PositiveInt = 8,
    between: NonNegativeInt = 8,
    binarisation: Literal["static", "dynamic", "none"] = "none",
    seed: int,
) -> dict[str, Image]:
    """Interpolations between pairs of images of the split, in equal steps of the latents: one row per pair.

    count: number of pairs, drawn at random by --seed.
    between: number of interpolated images per pair.
    binarisation: binarisation of the encoder's input.
    """
    vae = image_vae(product, "interpolation", data)
    if between < 0:
        raise UserError(f"--between must not be negative, got {between}")
    x, y = drawn(data, 2 * min(count, len(data.y) // 2), seed, vae, binarisation)
    ends = vae.encode(x, y).mean.unflatten(0, (-1, 2))
    z = interpolated(ends, between + 2)
    # a conditional model uses the label of the nearer end
    nearer = (torch.arange(between + 2, device=y.device) > (between + 1) / 2).long()
    labels = y.view(-1, 2)[:, nearer]
    decoded = vae.expected(vae.decode(z.flatten(0, 1)[None], labels.flatten()))[0]
    return {"interpolation": Image(grid(decoded, between + 2), f"{len(ends)} pairs, {between} images between them")}


def interpolated(ends: Tensor, steps: int) -> Tensor:
    """(P, steps, L): (1 - λ) z + λ z' for pairs of latents (P, 2, L), with λ from 0 to 1 in equal steps."""
    share = torch.linspace(0, 1, steps, device=ends.device)[:, None]
    return (1 - share) * ends[:, :1] + share * ends[:, 1:]


def manifold(product: Any, data: Any, *, side: PositiveInt = 20, label: NonNegativeInt = 0) -> dict[str, Image]:
    """The manifold of two latents, decoded at equally spaced quantiles of the prior (Kingma & Welling 2014, figure 4):
    a grid of images, or a grid of lines for points in the plane.

    side: number of images, or lines, per side of the grid.
    label: class to generate, for a conditional model.
    """
    vae = vae_of(product, "the sampler manifold")
    if vae.latents != 2:
        raise UserError(f"manifold needs a model with 2 latents (--model.latents 2), this one has {vae.latents}")
    check_count(side)
    if vae.conditional and not 0 <= label < vae.classes:
        raise UserError(f"--label must be between 0 and {vae.classes - 1}, got {label}")
    z = plane(side).to(vae.mean.device)
    decoded = vae.expected(vae.decode(z[None], torch.full((len(z),), label, device=z.device)))[0]
    if decoded.ndim == 4:
        return {"manifold": Image(grid(decoded, side), "the manifold of two latents")}
    return {"manifold": lines(decoded.unflatten(0, (side, side)), examples_of(data).x)}


def plane(side: int) -> Tensor:
    """(side², 2): two latents at the quantiles ½/side, 1½/side, … of the prior, row by row, the second one
    decreasing."""
    quantiles = torch.special.ndtri((torch.arange(side) + 0.5) / side)
    second, first = torch.meshgrid(-quantiles, quantiles, indexing="ij")
    return torch.stack([first, second], -1).flatten(0, 1)


def lines(decoded: Tensor, data: Tensor) -> Image:
    """Decoded grid lines of two latents (side, side, 2), over the data (N, 2)."""
    figure = new_figure(4.8, 5.0)
    axes = figure.subplots()
    axes.scatter(*data.cpu().T.numpy(), s=5, linewidths=0, color="#9aa7b5")
    for grid_lines in (decoded, decoded.transpose(0, 1)):
        for line in grid_lines.cpu().numpy():
            axes.plot(*line.T, color="#b2182b", linewidth=0.6)
    axes.set_aspect("equal")
    title = "the manifold of two latents, over the data"
    axes.set_title(title, fontsize=9)
    return to_image(figure, title)


def image_vae(product: Any, name: str, data: Any) -> VAE:
    vae = vae_of(product, f"the sampler {name}")
    if len(vae.input) != 3:
        raise UserError(f"the sampler {name} shows images, but these data are points: use --what generated")
    return vae


def drawn(data: Any, count: int, seed: int, vae: VAE, binarisation: Binarisation) -> Labelled:
    """Images of the split and their classes, on the model's device, as the model's inputs."""
    check_count(count)
    x, y = examples_of(data)
    index = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))[:count]
    return Labelled(binarised(x[index].to(vae.mean.device), binarisation), y[index].to(vae.mean.device))
