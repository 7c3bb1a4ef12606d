"""Residual networks with a stem for small images, and wide ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dlplug import NonNegativeInt, PositiveInt, ProperFraction, Spec, UserError
from dlplug_vision.layers import Standardise, check_one_of, check_size, conv, mean_over_pixels


def projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    """A 1x1 convolution of every stride-th pixel, both ways."""
    if stride > 1 and inputs < 8:  # torch 2.15's CPU gradient of such a strided convolution writes out of bounds
        return nn.Sequential(nn.MaxPool2d(1, stride), conv(inputs, outputs, 1))
    return conv(inputs, outputs, 1, stride=stride)


class BasicBlock(nn.Module):
    """y = relu(F(x) + x) with F two 3x3 convolutions (He et al. 2016a, equation 1); where the shape changes, the
    shortcut is a 1x1 convolution (option B)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *(conv(inputs, outputs, stride=stride), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)),
            *(conv(outputs, outputs), nn.BatchNorm2d(outputs)),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(projection(inputs, outputs, stride), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.residual(x) + self.shortcut(x))


# Blocks in each stage, and channels of the first: He et al. 2016a, table 1 (ImageNet) and section 4.2 (CIFAR)
RESNETS = {
    18: ((2, 2, 2, 2), 64),
    34: ((3, 4, 6, 3), 64),
    20: ((3, 3, 3), 16),
    32: ((5, 5, 5), 16),
    44: ((7, 7, 7), 16),
    56: ((9, 9, 9), 16),
    110: ((18, 18, 18), 16),
}


class ResNet(nn.Sequential):
    """A residual network with a 3x3 stem for small images (He et al. 2016a, arXiv:1512.03385).

    depth: 18 or 34 with the paper's four stages for ImageNet; 20, 32, 44, 56 or 110 with its three for CIFAR.
    width: channels of the first stage; 0 takes the paper's 64 or 16. Each further stage has twice as many.
    """

    def __init__(self, spec: Spec, *, depth: PositiveInt = 18, width: NonNegativeInt = 0) -> None:
        check_one_of("depth", depth, tuple(sorted(RESNETS)))
        if width < 0:
            raise UserError(f"--model.width must be at least 1, or 0 for the paper's, got {width}")
        stages, papers = RESNETS[depth]
        check_size("resnet", spec, 2 ** (len(stages) - 1))
        inputs = width or papers
        layers = [conv(spec.input[0], inputs), nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)]
        for stage, count in enumerate(stages):
            outputs = (width or papers) * 2**stage
            for block in range(count):
                layers.append(BasicBlock(inputs, outputs, 2 if stage and not block else 1))
                inputs = outputs
        super().__init__(Standardise(spec), *layers, mean_over_pixels(), nn.Linear(inputs, spec.output))
        self.to(memory_format=torch.channels_last)


class PreActivation(nn.Module):
    """y = x + F(x) where F normalises and rectifies before each convolution (He et al. 2016b), with dropout between the
    two (Zagoruyko & Komodakis 2016, figure 1d)."""

    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True))
        self.residual = nn.Sequential(
            conv(inputs, outputs, stride=stride),
            *(nn.BatchNorm2d(outputs), nn.ReLU(inplace=True), nn.Dropout(dropout)),
            conv(outputs, outputs),
        )
        self.shortcut = None if inputs == outputs and stride == 1 else projection(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        ready = self.before(x)
        # where the shape changes, the shortcut also begins after the normalisation
        return self.residual(ready) + (x if self.shortcut is None else self.shortcut(ready))


class WideResNet(nn.Sequential):
    """A wide residual network, WRN-depth-widen (Zagoruyko & Komodakis 2016, arXiv:1605.07146, table 1).

    depth: 6n + 4, n blocks in each of three stages: 10, 16, 22, 28, 40.
    widen: multiplier of the channels 16, 32 and 64.
    dropout: dropout rate between a block's convolutions.
    """

    def __init__(
        self, spec: Spec, *, depth: PositiveInt = 16, widen: PositiveInt = 4, dropout: ProperFraction = 0.0
    ) -> None:
        if depth < 10 or (depth - 4) % 6:
            raise UserError(f"--model.depth of a wide-resnet is 6n + 4 (10, 16, 22, 28, 40), got {depth}")
        if widen < 1:
            raise UserError(f"--model.widen must be at least 1, got {widen}")
        check_size("wide-resnet", spec, 4)
        layers: list[nn.Module] = [conv(spec.input[0], 16)]
        inputs = 16
        for stage in range(3):
            outputs = 16 * widen * 2**stage
            for block in range((depth - 4) // 6):
                layers.append(PreActivation(inputs, outputs, 2 if stage and not block else 1, dropout))
                inputs = outputs
        layers += [nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)]
        super().__init__(Standardise(spec), *layers, mean_over_pixels(), nn.Linear(inputs, spec.output))
        self.to(memory_format=torch.channels_last)
