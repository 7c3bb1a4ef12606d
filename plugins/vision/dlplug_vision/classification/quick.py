"""A small network for small images on a CPU: most of its work is done at low resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, Spec, UserError
from dlplug_vision.layers import Standardise, check_size, conv, mean_over_pixels


class Stage(nn.Module):
    """A convolution that halves the resolution, then `depth - 1` residual ones.

    Pooling comes before batch normalisation and ReLU, as in Keller Jordan's airbench: a quarter of the work.
    """

    def __init__(self, inputs: int, outputs: int, depth: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            conv(inputs, outputs), nn.MaxPool2d(2), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )
        self.rest = nn.ModuleList(
            nn.Sequential(conv(outputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
            for _ in range(depth - 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.rest:
            x = x + block(x)
        return x


class QuickNet(nn.Sequential):
    """A quick convolutional net for small images: halving stages, then global average pooling.

    width: channels of the first stage; each further stage has twice as many.
    stages: how often the resolution is halved.
    depth: convolutions in each stage after the first.
    dropout: dropout rate before the last layer.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: PositiveInt = 32,
        stages: PositiveInt = 3,
        depth: PositiveInt = 2,
        dropout: ProperFraction = 0.0,
    ) -> None:
        if min(width, stages, depth) < 1:
            raise UserError(f"a quick net's width, stages and depth are at least 1, got {width}, {stages}, {depth}")
        check_size("quick-net", spec, 2**stages, "; fewer --model.stages take smaller images")
        widths = [width * 2**i for i in range(stages)]
        inputs = [spec.input[0], *widths[:-1]]
        super().__init__(
            Standardise(spec),
            *(Stage(a, b, 1 if i == 0 else depth) for i, (a, b) in enumerate(zip(inputs, widths, strict=True))),
            mean_over_pixels(),
            nn.Dropout(dropout),
            nn.Linear(widths[-1], spec.output),
        )
        self.to(memory_format=torch.channels_last)
