"""The residual generator and critic of Miyato et al. 2018."""

from __future__ import annotations

import math
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from dlplug_images.convolution import ImageConv2d
from torch import Tensor, nn

from dlplug import PositiveInt, Spec
from dlplug_generative.gan.networks import Adversaries, Critic, Generator, Norm, check_positive, halvings, normalised

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


def resnet_gan(
    spec: Spec,
    *,
    width: PositiveInt = 256,
    critic_width: PositiveInt = 128,
    noise: PositiveInt = 128,
    critic_norm: Literal["spectral", "none"] = "spectral",
    conditional: bool = False,
) -> Adversaries:
    """A residual generator and critic; the critic has spectral normalisation (Miyato et al. 2018, arXiv:1802.05957).

    As in their table 4 for 32x32 pixels, three blocks of the generator double the size from 4x4; two blocks of the
    critic halve it, and two keep it.

    width: channels of the generator's blocks.
    critic_width: channels of the critic's blocks.
    noise: dimensions of the noise z.
    critic_norm: normalisation of every layer of the critic; use none with --loss.penalty gradient.
    conditional: condition on the class: the generator by conditional batch norm, the critic by projection
        (Miyato & Koyama 2018, arXiv:1802.05637).
    """
    check_positive(width=width, critic_width=critic_width, noise=noise)
    times = halvings("resnet-gan", spec)
    channels, *size = spec.input
    small = (width, *(length // 2**times for length in size))
    classes, spectral = spec.output if conditional else 0, critic_norm == "spectral"
    generator = Generator(ResidualUpward(noise, small, channels, times, classes), spec, noise, conditional)
    blocks = [CriticBlock(channels, critic_width, spectral, halve=True, first=True)]
    blocks += [CriticBlock(critic_width, critic_width, spectral, halve=stage == 0) for stage in range(3)]
    return Adversaries(generator, Critic(nn.Sequential(*blocks, Summed()), critic_width, classes, spectral))


class ResidualUpward(nn.Module):
    """z (B, noise) → (B, channels, ...) in [-1, 1], from a small image whose size is doubled `times` times."""

    def __init__(self, noise: int, small: tuple[int, ...], channels: int, times: int, classes: int) -> None:
        super().__init__()
        self.small = small
        width = small[0]
        self.project = xavier(nn.Linear(noise, math.prod(small)))
        self.blocks = nn.ModuleList(GeneratorBlock(width, classes) for _ in range(times))
        self.last = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), xavier(ImageConv2d(width, channels, 3, padding=1)))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        x = self.project(z).unflatten(1, self.small).contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x, label)
        return self.last(x).tanh()


class GeneratorBlock(nn.Module):
    """x (B, width, H, W) → (B, width, 2H, 2W)."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(Norm(width, classes) for _ in range(2))
        self.convs = nn.ModuleList(xavier(nn.Conv2d(width, width, 3, padding=1), math.sqrt(2)) for _ in range(2))
        self.beside = xavier(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        h = self.convs[0](doubled(self.norms[0](x, label).relu()))
        h = self.convs[1](self.norms[1](h, label).relu())
        return h + doubled(self.beside(x))  # a 1x1 convolution commutes with upsampling, and costs a quarter before it


class CriticBlock(nn.Module):
    """x (B, inputs, H, W) → (B, outputs, H, W), halved by 2x2 average pooling if `halve`. The first block, whose input
    is the image, does not start with a ReLU."""

    def __init__(self, inputs: int, outputs: int, spectral: bool, *, halve: bool, first: bool = False) -> None:
        super().__init__()
        self.halve, self.first = halve, first
        self.convs = nn.ModuleList(
            normalised(xavier(ImageConv2d(a, outputs, 3, padding=1), math.sqrt(2)), spectral) for a in (inputs, outputs)
        )
        self.beside = normalised(xavier(ImageConv2d(inputs, outputs, 1)), spectral) if halve else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.convs[1](self.convs[0](x if self.first else x.relu()).relu())
        if not self.halve:
            return h + self.beside(x)
        return F.avg_pool2d(h, 2) + self.beside(F.avg_pool2d(x, 2))


class Summed(nn.Module):
    """(B, C, H, W) → (B, C): a ReLU, then the sum over all pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return x.relu().sum((2, 3))


def doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def xavier(layer: Layer, gain: float = 1.0) -> Layer:
    """Xavier initialisation (Glorot & Bengio 2010), as in the authors' code."""
    nn.init.xavier_uniform_(layer.weight, gain)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
