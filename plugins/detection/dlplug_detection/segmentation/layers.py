"""What every segmentation net here is built on: convolutions with batch normalisation, and the net's outside."""

from __future__ import annotations

import torch
from dlplug_images.augment import channel_statistics, normalise
from torch import Tensor, nn

from dlplug import Spec, UserError
from dlplug_detection.layers import conv_norm_relu
from dlplug_detection.segmentation.batches import SegmentationSpec

SMALLEST = 16  # pixels of an image's side


def convs(inputs: int, outputs: int, count: int = 2) -> nn.Sequential:
    """`count` convolutions of 3x3, the first of which changes the number of channels."""
    return nn.Sequential(*(conv_norm_relu(outputs if n else inputs, outputs) for n in range(count)))


class SegmentationNet(nn.Module):
    """Images (N, C, H, W) in [0, 1] → logits (N, classes, H, W).

    The mean and standard deviation of the training images, and the weights of their classes for the loss, are saved
    with the net's own weights.
    """

    mean: Tensor
    deviation: Tensor
    weights: Tensor

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        if not isinstance(spec, SegmentationSpec) or len(spec.input) != 3 or min(spec.input[1:]) < SMALLEST:
            raise UserError(
                f"a segmentation net takes images with class maps, (channels, height, width) of at least "
                f"{SMALLEST}x{SMALLEST} pixels; an input of these data has the shape {spec.input}"
            )
        for name, value in channel_statistics(spec).items():
            self.register_buffer(name, value)
        self.register_buffer("weights", spec.weights.clone())

    def forward(self, images: Tensor) -> Tensor:
        raise NotImplementedError

    def standardised(self, images: Tensor) -> Tensor:
        return normalise(images, self.mean, self.deviation)

    def segment(self, images: Tensor) -> Tensor:
        """The class (N, H, W) int64 of each pixel of images (N, C, H, W), floats in [0, 1]."""
        return self(images).argmax(1)


def pixel_logits(inputs: int, classes: int, factor: int) -> nn.Sequential:
    """A map (N, inputs, h, w) → logits (N, classes, factor · h, factor · w): each cell has logits for each of its
    pixels (sub-pixel convolution, Shi et al. 2016, arXiv:1609.05158). The weights begin equal for all pixels of a cell
    (Aitken et al. 2017, arXiv:1707.02937); otherwise doubtful classes alternate from pixel to pixel."""
    layer = nn.Conv2d(inputs, classes * factor**2, 1)
    with torch.no_grad():
        for values in layer.parameters():
            values.copy_(values[:: factor**2].repeat_interleave(factor**2, 0))
    return nn.Sequential(layer, nn.PixelShuffle(factor))
