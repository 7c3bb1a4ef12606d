"""The layer that detectors and segmentation nets are built of."""

from __future__ import annotations

from dlplug_images.convolution import ImageConv2d
from torch import nn


def conv_norm_relu(inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """A convolution without a bias, batch normalisation, ReLU."""
    return nn.Sequential(
        ImageConv2d(inputs, outputs, kernel, stride, dilation * (kernel // 2), dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
