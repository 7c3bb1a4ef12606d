"""Q-networks: (B, *input) observations as the replay keeps them -> (B, actions) values.

Observations are standardised inside, so that uint8 frames travel and the numbers needed to read them stay with the
weights. In Pong the ball is one pixel: contrast decides whether it is seen at all.
"""

from __future__ import annotations

import itertools
from typing import Literal

import torch
from torch import Tensor, nn

from dlplug import Spec
from dlplug.errors import UserError

Scaling = Literal["standardise", "unit"]


class QNetwork(nn.Module):
    """(x - mean) / deviation, then the layers. `unit` scaling is x / 255, as published protocols have it."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: Spec, layers: nn.Sequential, scaling: Scaling = "standardise") -> None:
        super().__init__()
        mean, deviation = (spec.mean, spec.deviation) if scaling == "standardise" else (0.0, 255.0)
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32).clone())
        self.register_buffer("deviation", torch.as_tensor(deviation, dtype=torch.float32).clone())
        self.layers = layers
        self.images = len(spec.input) == 3
        if self.images:
            self.to(memory_format=torch.channels_last)  # half the time of a step of oneDNN's or cuDNN's convolutions

    def forward(self, obs: Tensor) -> Tensor:
        """obs: (B, *input), any dtype. Gives (B, actions)."""
        x = (obs - self.mean).div_(self.deviation).float()  # in place: fresh memory costs more than the division
        return self.layers(x.contiguous(memory_format=torch.channels_last) if self.images else x)


def nature(spec: Spec, *, hidden: int = 512, scaling: Scaling = "standardise") -> nn.Module:
    """The network of Mnih et al. 2015 (doi:10.1038/nature14236) for stacks of 84x84 frames.

    hidden: units of the dense layer
    scaling: "standardise" by the game's own mean and deviation, or "unit" (x / 255)
    """
    return _convolutional(spec, ((32, 8, 4), (64, 4, 2), (64, 3, 1)), hidden, scaling)


def small(spec: Spec, *, hidden: int = 256, scaling: Scaling = "standardise") -> nn.Module:
    """A sixth of Nature's work, for stacks of 42x42 frames on a CPU.

    hidden: units of the dense layer
    scaling: "standardise" by the game's own mean and deviation, or "unit" (x / 255)
    """
    return _convolutional(spec, ((32, 5, 3), (32, 3, 2), (32, 3, 1)), hidden, scaling)


def mlp(spec: Spec, *, hidden: int = 128, depth: int = 2) -> nn.Module:
    """Dense layers, for vectors and small grids.

    hidden: units of each hidden layer
    depth: hidden layers
    """
    inputs = int(torch.Size(spec.input).numel())
    sizes = [inputs, *[hidden] * depth]
    layers: list[nn.Module] = [nn.Flatten()]
    for n, m in itertools.pairwise(sizes):
        layers += [nn.Linear(n, m), nn.ReLU()]
    return QNetwork(spec, nn.Sequential(*layers, nn.Linear(sizes[-1], spec.output)))


def _convolutional(spec: Spec, shape: tuple[tuple[int, int, int], ...], hidden: int, scaling: Scaling) -> QNetwork:
    """shape: (channels, kernel, stride) of each convolution."""
    channels, height, width = spec.input
    layers: list[nn.Module] = []
    for out, kernel, stride in shape:
        layers += [nn.Conv2d(channels, out, kernel, stride), nn.ReLU()]
        channels, height, width = out, (height - kernel) // stride + 1, (width - kernel) // stride + 1
        if min(height, width) < 1:
            raise UserError(f"frames of {spec.input[1]}x{spec.input[2]} are too small for this network")
    layers += [nn.Flatten(), nn.Linear(channels * height * width, hidden), nn.ReLU(), nn.Linear(hidden, spec.output)]
    return QNetwork(spec, nn.Sequential(*layers), scaling)
