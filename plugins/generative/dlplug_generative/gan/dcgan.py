"""DCGAN: a generator and a critic of strided convolutions."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Literal

import torch
from dlplug_images.convolution import ImageConv2d, ImageConvTranspose2d
from torch import Tensor, nn

from dlplug import PositiveInt, Spec
from dlplug_generative.gan.networks import Adversaries, Critic, Generator, Norm, check_positive, halvings, normalised

CriticNorm = Literal["batch", "layer", "spectral", "none"]


def dcgan(
    spec: Spec,
    *,
    width: PositiveInt = 64,
    noise: PositiveInt = 100,
    critic_norm: Literal["batch", "layer", "spectral", "none"] = "batch",
    conditional: bool = False,
) -> Adversaries:
    """A generator of transposed convolutions and a critic of strided ones (Radford et al. 2016, arXiv:1511.06434).

    Images are halved until 4 pixels or an odd number are left: 28 to 7, 32 to 4.

    width: channels of both networks at half the image size; doubled at each further halving.
    noise: dimensions of the noise z.
    critic_norm: normalisation of the critic: batch or layer (over all channels and pixels, as Gulrajani et al. 2017 use
        with their penalty) after each convolution but the first; spectral in every layer; or none.
    conditional: condition on the class: the generator by conditional batch norm, the critic by projection.
    """
    check_positive(width=width, noise=noise)
    times = halvings("dcgan", spec)
    channels, *size = spec.input
    small = [length // 2**times for length in size]
    widths = [width * 2**stage for stage in range(times)]
    classes = spec.output if conditional else 0
    upward = Upward(noise, [*widths[::-1], channels], small, classes)
    downward = Downward([channels, *widths], critic_norm)
    critic = Critic(downward, widths[-1] * prod(small), classes, critic_norm == "spectral")
    pair = Adversaries(Generator(upward, spec, noise, conditional), critic)
    return pair.apply(as_in_the_paper)


class Upward(nn.Module):
    """z (B, noise) → (B, widths[-1], ...) in [-1, 1]; the resolution doubles from each width to the next."""

    def __init__(self, noise: int, widths: list[int], small: list[int], classes: int) -> None:
        super().__init__()
        self.small = (widths[0], *small)
        self.project = nn.Linear(noise, prod(self.small), bias=False)
        self.norms = nn.ModuleList(Norm(inputs, classes) for inputs in widths[:-1])
        self.doublings = nn.ModuleList(ImageConvTranspose2d(a, b, 4, 2, 1) for a, b in pairwise(widths))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        x = self.project(z).unflatten(1, self.small).contiguous(memory_format=torch.channels_last)
        for norm, doubling in zip(self.norms, self.doublings, strict=True):
            x = doubling(norm(x, label).relu())
        return x.tanh()


class Downward(nn.Sequential):
    """x (B, widths[0], ...) → (B, features); the resolution halves from each width to the next."""

    def __init__(self, widths: list[int], norm: CriticNorm) -> None:
        layers: list[nn.Module] = []
        for stage, (inputs, outputs) in enumerate(pairwise(widths)):
            layers.append(normalised(ImageConv2d(inputs, outputs, 4, 2, 1), norm == "spectral"))
            if stage and norm == "batch":
                layers.append(nn.BatchNorm2d(outputs))
            if stage and norm == "layer":
                layers.append(nn.GroupNorm(1, outputs))
            layers.append(nn.LeakyReLU(0.2))
        super().__init__(*layers, nn.Flatten())


def as_in_the_paper(layer: nn.Module) -> None:
    """Radford et al. 2016, section 4: weights start as N(0, 0.02²)."""
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(layer.weight, std=0.02)
