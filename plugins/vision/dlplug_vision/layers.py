"""Layers that several models share: standardisation, convolutions with batch normalisation."""

from __future__ import annotations

from dlplug_images.augment import channel_statistics, normalise
from dlplug_images.convolution import ImageConv2d
from torch import Tensor, nn

from dlplug import Spec, UserError


class Standardise(nn.Module):
    """x (B, C, H, W) in [0, 1] → (x - mean) / deviation of the training set; both are saved with the weights."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        for name, value in channel_statistics(spec).items():
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        return normalise(x, self.mean, self.deviation)


def conv(inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A convolution that keeps the image's size (or halves it by its stride), without a bias, as normalisation follows.
    Initialised as in He et al. 2015 (arXiv:1502.01852, equation 15), by fan-out."""
    padding = dilation * (kernel // 2)
    layer = ImageConv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)
    # W ~ N(0, 2 / (k² · outputs))
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


def conv_norm_relu(
    inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, dilation: int = 1
) -> tuple[nn.Module, ...]:
    return (
        conv(inputs, outputs, kernel, stride=stride, dilation=dilation),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def mean_over_pixels() -> nn.Sequential:
    """(B, C, H, W) → (B, C)."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def check_size(model: str, spec: Spec, smallest: int, advice: str = "") -> None:
    """Raises UserError where the data's images are smaller than a model can take."""
    if len(spec.input) != 3:
        raise UserError(
            f"{model} takes images (channels, height, width), but an input of these data has the shape {spec.input}"
        )
    _, height, width = spec.input
    if min(height, width) < smallest:
        raise UserError(f"{model} needs images of at least {smallest}x{smallest}, got {height}x{width}{advice}")


def check_one_of(option: str, value: int, choices: tuple[int, ...]) -> None:
    if value not in choices:
        raise UserError(f"--model.{option} must be one of {', '.join(map(str, choices))}, got {value}")
