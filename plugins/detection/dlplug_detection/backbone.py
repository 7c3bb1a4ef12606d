"""The backbone of every detector here: images to one feature map at an eighth of their resolution.

One map of stride 8 is enough where objects are some 16 to 130 pixels wide. As in YOLOF (Chen et al. 2021,
arXiv:2103.09460), dilated residual blocks see far enough around each cell for the largest of them, without a
pyramid of maps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from dlplug_images.augment import channel_statistics, normalise
from dlplug_images.encoders.squeezenet import SqueezeNetEncoder
from torch import Tensor, nn

from dlplug import PositiveFloat, PositiveInt, Spec, UserError
from dlplug_detection.layers import conv_norm_relu

STRIDE = 8
DILATIONS = (1, 2, 4)  # of successive blocks, then from the first on again


@dataclass(frozen=True)
class Features:
    """encoder: plain, three convolutions that start from nothing; or squeezenet, up to fire8, from ImageNet's weights,
        of which those before stride 8 are frozen.
    width: channels of the map of stride 8.
    blocks: residual blocks at stride 8, dilated by 1, 2, 4, 1, ….
    rate: multiplier of the learning rate for ImageNet's weights.
    """

    encoder: Literal["plain", "squeezenet"] = "plain"
    width: PositiveInt = 64
    blocks: PositiveInt = 4
    rate: PositiveFloat = 0.1


class Backbone(nn.Module):
    """Images (N, C, H, W) in [0, 1] → features (N, out_channels, ⌈H / 8⌉, ⌈W / 8⌉)."""

    def __init__(self, spec: Spec, features: Features = Features()) -> None:
        super().__init__()
        check_images(spec)
        width = self.out_channels = features.width  # by this name torchvision's detectors ask for it
        if width % 4:
            raise UserError(f"--model.width must be a multiple of 4, got {width}")
        self.encoder = Pretrained(width, features.rate) if features.encoder == "squeezenet" else Plain(spec, width)
        self.blocks = nn.Sequential(*(Bottleneck(width, DILATIONS[i % len(DILATIONS)]) for i in range(features.blocks)))

    def forward(self, images: Tensor) -> Tensor:
        return self.blocks(self.encoder(images))


class Plain(nn.Sequential):
    """Three convolutions of stride 2. The images are standardised by the training set's mean and standard deviation,
    which are saved with the weights."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: Spec, width: int) -> None:
        channels = spec.input[0]
        super().__init__(
            conv_norm_relu(channels, width // 4, stride=2),
            conv_norm_relu(width // 4, width // 2, stride=2),
            conv_norm_relu(width // 2, width, stride=2),
        )
        for name, value in channel_statistics(spec).items():
            self.register_buffer(name, value)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(normalise(input, self.mean, self.deviation))


class Pretrained(nn.Module):
    """SqueezeNet up to fire8 and a 1x1 convolution. rate: the learning rate's multiplier for SqueezeNet."""

    def __init__(self, width: int, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.features = SqueezeNetEncoder((STRIDE,))
        self.reduced = conv_norm_relu(self.features.channels[0], width, 1)
        self.features.freeze(STRIDE // 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.reduced(self.features(images)[0])


class Bottleneck(nn.Sequential):
    """x + f(x): f is a dilated 3x3 convolution between half as many channels."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__(
            conv_norm_relu(width, width // 2, 1),
            conv_norm_relu(width // 2, width // 2, dilation=dilation),
            conv_norm_relu(width // 2, width, 1),
        )

    def forward(self, input: Tensor) -> Tensor:
        return input + super().forward(input)


def parameter_groups(detector: nn.Module) -> list[dict[str, Any]]:
    """A detector's trainable weights in groups for its optimizer: ImageNet's, at their own rate, and the others."""
    pretrained = [part for part in detector.modules() if isinstance(part, Pretrained)]
    groups = [{"params": list(part.features.parameters()), "rate": part.rate} for part in pretrained]
    loaded = {id(weight) for group in groups for weight in group["params"]}
    groups.append({"params": [weight for weight in detector.parameters() if id(weight) not in loaded]})
    return [group | {"params": [weight for weight in group["params"] if weight.requires_grad]} for group in groups]


def check_images(spec: Spec) -> None:
    """Raises UserError where the data's inputs are no images, or too small for a map."""
    least = 2 * STRIDE
    if len(spec.input) != 3 or min(spec.input[1:]) < least:
        raise UserError(
            f"a detector takes images (channels, height, width) of at least {least}x{least} pixels, but an input of"
            f" these data has the shape {spec.input}"
        )
