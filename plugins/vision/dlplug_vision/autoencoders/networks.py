"""Autoencoders: an encoder of images to latent codes, a decoder of codes to images."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import Tensor, nn

from dlplug import PositiveInt, Spec, UserError
from dlplug_vision.layers import Standardise, check_size, conv_norm_relu


class Autoencoder(nn.Sequential):
    """Affine layers to a latent code and back (Hinton & Salakhutdinov 2006, doi:10.1126/science.1127647).

    With ReLU, Adam and end-to-end training in place of the paper's logistic units and stacked Boltzmann machines.

    hidden: hidden size.
    depth: hidden layers on each side of the code.
    code: dimensions of the latent code.
    """

    def __init__(
        self, spec: Spec, *, hidden: PositiveInt = 512, depth: PositiveInt = 1, code: PositiveInt = 64
    ) -> None:
        check_positive(hidden=hidden, depth=depth, code=code)
        check_size("autoencoder", spec, 1)
        channels, height, width = spec.input
        pixels = channels * height * width
        down = [pixels, *[hidden] * depth, code]
        super().__init__(
            OrderedDict(
                encoder=nn.Sequential(Standardise(spec), nn.Flatten(), *affine(down)),
                decoder=nn.Sequential(*affine(down[::-1]), nn.Unflatten(1, (channels, height, width))),
            )
        )


def affine(widths: list[int]) -> list[nn.Module]:
    """Affine layers from each width to the next, with ReLUs between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return layers[:-1]


class ConvAutoencoder(nn.Sequential):
    """Convolutions that halve the resolution, a latent code, and convolutions that double it again.

    No convolution works at full resolution: the first is strided, and the last outputs the four pixels of each 2x2
    square as four channels (Shi et al. 2016, arXiv:1609.05158).

    width: channels of the first stage; each further stage has twice as many.
    stages: how often the resolution is halved, rounding up.
    code: dimensions of the latent code.
    """

    def __init__(self, spec: Spec, *, width: PositiveInt = 16, stages: PositiveInt = 2, code: PositiveInt = 64) -> None:
        check_positive(width=width, stages=stages, code=code)
        check_size("conv-autoencoder", spec, 2**stages, "; fewer --model.stages take smaller images")
        channels, *size = spec.input
        widths = [width * 2**stage for stage in range(stages)]
        small = [-(-length // 2**stages) for length in size]
        inner = widths[-1] * small[0] * small[1]
        down = [conv_norm_relu(a, b, stride=2) for a, b in pairwise([channels, *widths])]
        up = [doubling(a, b) for a, b in pairwise(widths[::-1])]
        super().__init__(
            OrderedDict(
                encoder=nn.Sequential(
                    Standardise(spec),
                    *(layer for stage in down for layer in stage),
                    nn.Flatten(),
                    nn.Linear(inner, code),
                ),
                decoder=nn.Sequential(
                    *(nn.Linear(code, inner, bias=False), nn.Unflatten(1, (widths[-1], *small))),
                    *(nn.BatchNorm2d(widths[-1]), nn.ReLU(inplace=True)),
                    *(layer for stage in up for layer in stage),
                    *(nn.Conv2d(width, 4 * channels, 3, padding=1), nn.PixelShuffle(2)),
                    *(nn.Sigmoid(), Crop(size[0], size[1])),
                ),
            )
        )
        self.to(memory_format=torch.channels_last)


def doubling(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """(B, inputs, H, W) → (B, outputs, 2H, 2W)."""
    return (
        nn.Conv2d(inputs, 4 * outputs, 3, padding=1, bias=False),
        nn.PixelShuffle(2),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Crop(nn.Module):
    """(B, C, H, W) → its first rows and columns, for images whose size is not a multiple of 2^stages."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, : self.height, : self.width]


def halves(model: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder. Raises UserError for a model that is not an autoencoder."""
    parts = dict(model.named_children())
    if not {"encoder", "decoder"} <= parts.keys():
        raise UserError("this model is not an autoencoder: expected --model autoencoder or conv-autoencoder")
    return parts["encoder"], parts["decoder"]


def check_positive(**options: int) -> None:
    for option, value in options.items():
        if value < 1:
            raise UserError(f"--model.{option} must be at least 1, got {value}")
