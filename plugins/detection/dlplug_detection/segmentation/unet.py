"""U-Net (Ronneberger et al. 2015, arXiv:1505.04597), padded so that a map is as large as its image, with batch
normalisation; its encoder starts from nothing, or is SqueezeNet with ImageNet's weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

import torch
import torch.nn.functional as F
from dlplug_images.encoders.squeezenet import SqueezeNetEncoder
from torch import Tensor, nn

from dlplug import PositiveFloat, PositiveInt, ProperFraction, Range, Spec
from dlplug_detection.layers import conv_norm_relu
from dlplug_detection.segmentation.layers import SegmentationNet, convs, pixel_logits

SQUEEZENET_STRIDES = (2, 4, 8, 16)
FROZEN = 4  # SqueezeNet's layers up to this stride keep ImageNet's weights, which saves a third of a step


class UNet(SegmentationNet):
    """A U-Net: halving stages, then doubling stages that each also see the encoder's map of their resolution.

    encoder: `plain` starts from nothing; `squeezenet` is SqueezeNet 1.0 with ImageNet's weights, which are downloaded,
        and of which those before stride 8 are frozen.
    width: channels of the first stage; each further stage has twice as many.
    stages: resolutions of the plain encoder; SqueezeNet has four, from half the image's resolution on.
    stem: stride of the plain encoder's first convolution; 2 makes the net four times as quick, and its last layer gives
        2x2 pixels.
    dropout: dropout rate of the coarsest map's channels.
    rate: multiplier of the learning rate for those of SqueezeNet's weights that are learnt.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        encoder: Literal["plain", "squeezenet"] = "plain",
        width: PositiveInt = 16,
        stages: Annotated[int, Range(ge=2, le=6)] = 4,
        stem: PositiveInt = 1,
        dropout: ProperFraction = 0.0,
        rate: PositiveFloat = 0.1,
    ) -> None:
        super().__init__(spec)
        self.rate = rate
        if encoder == "squeezenet":
            stages, stem = len(SQUEEZENET_STRIDES), SQUEEZENET_STRIDES[0]
            self.multiple = SQUEEZENET_STRIDES[-1]
            self.encoder = SqueezeNetEncoder(SQUEEZENET_STRIDES)
            self.encoder.freeze(FROZEN)
        else:
            self.multiple = stem * 2 ** (stages - 1)
            self.encoder = Encoder(spec.input[0], [width * 2**n for n in range(stages)], stem)
        self.pretrained = encoder == "squeezenet"
        widths = [width * 2**n for n in range(stages)]
        # SqueezeNet's maps have many channels, which a 1x1 convolution reduces first
        self.lateral = nn.ModuleList(
            conv_norm_relu(a, b, 1) if self.pretrained else nn.Identity()
            for a, b in zip(self.encoder.channels, widths, strict=True)
        )
        self.dropout = nn.Dropout2d(dropout)
        self.decoder = Decoder(widths)
        self.head = pixel_logits(width, spec.output, stem)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        x = images if self.pretrained else self.standardised(images)
        x = F.pad(x, (0, -width % self.multiple, 0, -height % self.multiple), mode="replicate")
        maps = [reduce(map) for reduce, map in zip(self.lateral, self.encoder(x), strict=True)]
        maps[-1] = self.dropout(maps[-1])
        return self.head(self.decoder(maps))[:, :, :height, :width]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """SqueezeNet's weights that are learnt, at their own rate, and all others."""
        if not self.pretrained:
            return [{"params": list(self.parameters())}]
        loaded = [weight for weight in self.encoder.parameters() if weight.requires_grad]
        new = [p for name, p in self.named_parameters() if not name.startswith("encoder.")]
        return [{"params": loaded, "rate": self.rate}, {"params": new}]


class Encoder(nn.Module):
    """Images → a map of each resolution, the finest first: (N, width, H / (stem · 2ⁿ), W / (stem · 2ⁿ))."""

    def __init__(self, inputs: int, widths: Sequence[int], stem: int) -> None:
        super().__init__()
        self.channels = tuple(widths)
        first = nn.Sequential(conv_norm_relu(inputs, widths[0], stride=stem), conv_norm_relu(widths[0], widths[0]))
        self.stages = nn.ModuleList(
            [first, *(nn.Sequential(nn.MaxPool2d(2), convs(a, b)) for a, b in pairwise(widths))]
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class Decoder(nn.Module):
    """Maps of `widths` channels, the finest first → a map of the finest resolution with widths[0] channels."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.narrow = nn.ModuleList(conv_norm_relu(b, a, 1) for a, b in pairwise(widths))
        self.merge = nn.ModuleList(convs(2 * a, a) for a in widths[:-1])

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        x = maps[-1]
        for narrow, merge, skip in reversed(list(zip(self.narrow, self.merge, maps[:-1], strict=True))):
            # a 1x1 convolution before the enlargement is four times cheaper than after it, and the same
            x = merge(torch.cat([F.interpolate(narrow(x), scale_factor=2.0), skip], 1))
        return x
