"""LeNet, AlexNet and VGG as in their papers, with stems for small images."""

from __future__ import annotations

from typing import Literal

import torch
from dlplug_images.convolution import ImageConv2d
from torch import nn

from dlplug import PositiveInt, ProperFraction, Spec, UserError
from dlplug_vision.layers import Standardise, check_one_of, check_size, conv_norm_relu, mean_over_pixels


class LeNet(nn.Sequential):
    """LeNet-5: two convolutions, three affine layers (LeCun et al. 1998, section II.B).

    With ReLU and max pooling where the paper has a scaled tanh and trainable average pooling.

    width: multiplier of the paper's sizes 6, 16, 120 and 84.
    """

    def __init__(self, spec: Spec, *, width: PositiveInt = 1) -> None:
        if width < 1:
            raise UserError(f"--model.width must be at least 1, got {width}")
        check_size("lenet", spec, 12)
        channels, height, length = spec.input
        # 2 pixels of padding make the paper's 32x32 of MNIST's 28x28
        features = nn.Sequential(
            *(ImageConv2d(channels, 6 * width, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6 * width, 16 * width, 5), nn.ReLU(), nn.MaxPool2d(2)),
            nn.Flatten(),
        )
        left = 16 * width * ((height // 2 - 4) // 2) * ((length // 2 - 4) // 2)
        super().__init__(
            Standardise(spec),
            features,
            *(nn.Linear(left, 120 * width), nn.ReLU()),
            *(nn.Linear(120 * width, 84 * width), nn.ReLU()),
            nn.Linear(84 * width, spec.output),
        )
        self.to(memory_format=torch.channels_last)


class AlexNet(nn.Sequential):
    """AlexNet: five convolutions, three affine layers with dropout (Krizhevsky 2014, arXiv:1404.5997, one tower).

    stem: large is the paper's 11x11 with stride 4, for 224x224; small is 3x3, for 32x32; auto takes small below 64x64.
    width: channels of the first convolution; 64 in the paper.
    hidden: hidden size of the two affine layers; 4096 in the paper.
    dropout: dropout rate before each of them.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        stem: Literal["auto", "small", "large"] = "auto",
        width: PositiveInt = 64,
        hidden: PositiveInt = 4096,
        dropout: ProperFraction = 0.5,
    ) -> None:
        if min(width, hidden) < 1:
            raise UserError(f"--model.width and --model.hidden must be at least 1, got {width} and {hidden}")
        small = stem == "small" or (stem == "auto" and min(spec.input[1:]) < 64)
        check_size("alexnet", spec, 8 if small else 63, "" if small else "; --model.stem small takes 8x8")
        # kernel, stride and padding of the first two convolutions; side of the feature maps before the affine layers
        first, second, pixels = ((3, 1, 1), (3, 1, 1), 2) if small else ((11, 4, 2), (5, 1, 2), 6)
        pool = nn.MaxPool2d(2) if small else nn.MaxPool2d(3, 2)

        def block(inputs: int, outputs: int, kernel: int, stride: int, padding: int) -> tuple[nn.Module, ...]:
            return ImageConv2d(inputs, outputs, kernel, stride, padding), nn.ReLU(inplace=True)

        super().__init__(
            Standardise(spec),
            *block(spec.input[0], width, *first),
            pool,
            *block(width, 3 * width, *second),
            pool,
            *block(3 * width, 6 * width, 3, 1, 1),
            *block(6 * width, 4 * width, 3, 1, 1),
            *block(4 * width, 4 * width, 3, 1, 1),
            pool,
            nn.AdaptiveAvgPool2d(pixels),
            nn.Flatten(),
            *(nn.Dropout(dropout), nn.Linear(4 * width * pixels**2, hidden), nn.ReLU(inplace=True)),
            *(nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.ReLU(inplace=True)),
            nn.Linear(hidden, spec.output),
        )
        self.to(memory_format=torch.channels_last)


# Convolutions in each of the five stages (Simonyan & Zisserman 2015, table 1: A, B, D, E)
VGG_STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


class VGG(nn.Sequential):
    """VGG with batch normalisation: 3x3 convolutions in five halving stages (Simonyan & Zisserman 2015).

    Global average pooling and one affine layer replace the paper's three affine layers.

    depth: 11, 13, 16 or 19 layers with weights, as the paper counts them.
    width: channels of the first stage; 64 in the paper. They double up to eight times that.
    """

    def __init__(self, spec: Spec, *, depth: PositiveInt = 16, width: PositiveInt = 64) -> None:
        check_one_of("depth", depth, tuple(VGG_STAGES))
        if width < 1:
            raise UserError(f"--model.width must be at least 1, got {width}")
        check_size("vgg", spec, 32)
        layers: list[nn.Module] = []
        inputs = spec.input[0]
        for stage, count in enumerate(VGG_STAGES[depth]):
            for _ in range(count):
                outputs = width * min(2**stage, 8)
                layers += conv_norm_relu(inputs, outputs)
                inputs = outputs
            layers.append(nn.MaxPool2d(2))
        super().__init__(Standardise(spec), *layers, mean_over_pixels(), nn.Linear(inputs, spec.output))
        self.to(memory_format=torch.channels_last)


class Dilated(nn.Sequential):
    """Dilated convolutions: each layer has twice the dilation of the last, at full resolution (Yu & Koltun 2016,
    arXiv:1511.07122, table 1).

    Layer i of n has dilation 2^i, for a receptive field of 2^(n + 1) - 1 pixels across.

    depth: number of dilated convolutions.
    width: channels of each.
    """

    def __init__(self, spec: Spec, *, depth: PositiveInt = 4, width: PositiveInt = 32) -> None:
        if min(depth, width) < 1:
            raise UserError(f"--model.depth and --model.width must be at least 1, got {depth} and {width}")
        farthest = 2 ** (depth - 1)
        # in a smaller image the last kernel's outer weights would see only padding
        check_size("dilated", spec, farthest + 1, "; a smaller --model.depth takes smaller images")
        layers: list[nn.Module] = []
        inputs = spec.input[0]
        for i in range(depth):
            layers += conv_norm_relu(inputs, width, dilation=2**i)
            inputs = width
        super().__init__(Standardise(spec), *layers, mean_over_pixels(), nn.Linear(width, spec.output))
        self.to(memory_format=torch.channels_last)
