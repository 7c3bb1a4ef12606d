"""A network of strided convolutions, cheap enough for adversarial training."""

from __future__ import annotations

import torch
from dlplug_images.convolution import ImageConv2d
from torch import nn

from dlplug import PositiveInt, Spec, UserError
from dlplug_vision.layers import Standardise, check_size


class StridedNet(nn.Sequential):
    """Two 4x4 convolutions of stride 2 and two affine layers, for adversarial training on MNIST (Wong et al. 2020,
    arXiv:2001.03994; locuslab/fast_adversarial, MNIST/mnist_net.py).

    width: channels of the first convolution; the second has twice as many.
    hidden: hidden size of the affine layers.
    """

    def __init__(self, spec: Spec, *, width: PositiveInt = 16, hidden: PositiveInt = 100) -> None:
        if min(width, hidden) < 1:
            raise UserError(f"--model.width and --model.hidden must be at least 1, got {width} and {hidden}")
        check_size("strided-net", spec, 4)
        channels, height, length = spec.input
        super().__init__(
            Standardise(spec),
            *(ImageConv2d(channels, width, 4, stride=2, padding=1), nn.ReLU(inplace=True)),
            *(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), nn.ReLU(inplace=True)),
            nn.Flatten(),
            *(nn.Linear(2 * width * (height // 4) * (length // 4), hidden), nn.ReLU(inplace=True)),
            nn.Linear(hidden, spec.output),
        )
        self.to(memory_format=torch.channels_last)
