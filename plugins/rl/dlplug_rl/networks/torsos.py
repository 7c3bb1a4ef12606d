"""Torsos of Q-networks: (B, *input) -> (B, features). Each function returns the module and its number of features."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from dlplug.errors import UserError

Layer = tuple[int, int, int]  # channels, kernel, stride
NATURE: tuple[Layer, ...] = ((32, 8, 4), (64, 4, 2), (64, 3, 1))  # Mnih et al. 2015, for frames of 84x84
SMALL: tuple[Layer, ...] = ((32, 5, 3), (32, 3, 2), (32, 3, 1))  # a sixth of Nature's work, for frames of 42x42
TINY: tuple[Layer, ...] = ((16, 3, 1),)  # for boards of 10x10 (Young & Tian 2019, arXiv:1903.03176)
CONVOLUTIONS = {"nature": NATURE, "small": SMALL, "tiny": TINY}


def convolutional(shape: tuple[int, ...], layers: tuple[Layer, ...], layer_norm: bool) -> tuple[nn.Module, int]:
    """Convolutions without padding, each followed by a ReLU; shape: (channels, height, width) of an input.

    Raises UserError for frames that the layers shrink to nothing.
    """
    channels, height, width = _image_shape(shape)
    modules: list[nn.Module] = []
    for out, kernel, stride in layers:
        modules += [nn.Conv2d(channels, out, kernel, stride), *_norm(out, layer_norm), nn.ReLU()]
        channels, height, width = out, (height - kernel) // stride + 1, (width - kernel) // stride + 1
        if min(height, width) < 1:
            raise UserError(f"{too_small(shape)}; --model.torso tiny and mlp take smaller images than nature and small")
    return nn.Sequential(*modules, nn.Flatten()), channels * height * width


def dense(shape: tuple[int, ...], hidden: int, depth: int, layer_norm: bool) -> tuple[nn.Module, int]:
    """Dense layers with ReLUs, for vectors and small grids; the head adds one more."""
    sizes = [int(torch.Size(shape).numel()), *[hidden] * depth]
    modules: list[nn.Module] = [nn.Flatten()]
    for n, m in itertools.pairwise(sizes):
        modules += [nn.Linear(n, m), *([nn.LayerNorm(m)] if layer_norm else []), nn.ReLU()]
    return nn.Sequential(*modules), sizes[-1]


def impala(shape: tuple[int, ...], width: int, layer_norm: bool) -> tuple[nn.Module, int]:
    """The residual network of Espeholt et al. 2018 (arXiv:1802.01561) with the changes of Beyond the Rainbow (Clark et
    al. 2025, arXiv:2411.03820): `width` times the channels, spectral norm in the residual blocks, and adaptive max
    pooling to 6x6 at the end, so that any frame size from 42x42 gives the same number of features."""
    channels = _image_shape(shape)[0]
    if min(shape[1:]) < 42:
        raise UserError(f"{too_small(shape)}: it needs 42x42 or more")
    modules: list[nn.Module] = []
    for out in (16 * width, 32 * width, 32 * width):
        modules += [nn.Conv2d(channels, out, 3, padding=1), *_norm(out, layer_norm), nn.MaxPool2d(3, 2, padding=1)]
        modules += [Residual(out), Residual(out)]
        channels = out
    return nn.Sequential(*modules, nn.ReLU(), nn.AdaptiveMaxPool2d(6), nn.Flatten()), channels * 36


class Residual(nn.Module):
    """x + conv(relu(conv(relu(x)))), its weights divided by their largest singular value."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        convolutions = (spectral_norm(nn.Conv2d(channels, channels, 3, padding=1)) for _ in range(2))
        self.layers = nn.Sequential(*(layer for convolution in convolutions for layer in (nn.ReLU(), convolution)))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def _norm(channels: int, enabled: bool) -> list[nn.Module]:
    """Layer norm of feature maps: one mean and deviation over all channels and positions."""
    return [nn.GroupNorm(1, channels)] if enabled else []


def too_small(shape: tuple[int, ...]) -> str:
    return f"images of {shape} (channels, height, width) are too small for this network"


def _image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise UserError(f"this network needs images (channels, height, width), got {shape}; use --model.torso mlp")
    return shape[0], shape[1], shape[2]
