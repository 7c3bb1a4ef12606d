"""SegNet (Badrinarayanan et al. 2017, arXiv:1511.00561): the decoder puts values back where max pooling took them."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, Range, Spec
from dlplug_detection.layers import conv_norm_relu
from dlplug_detection.segmentation.layers import SegmentationNet, convs, pixel_logits


class SegNet(SegmentationNet):
    """A small SegNet: max pooling hands the places of its maxima to the decoder's max-unpooling, and no features.

    width: channels of the first stage; each further stage has twice as many, up to four times the first.
    stages: how often the resolution is halved.
    stem: stride of the first convolution; 2 makes the net four times as quick, and its last layer gives 2x2 pixels.
    dropout: dropout rate of the coarsest map's channels.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: PositiveInt = 32,
        stages: Annotated[int, Range(ge=1, le=5)] = 4,
        stem: PositiveInt = 1,
        dropout: ProperFraction = 0.0,
    ) -> None:
        super().__init__(spec)
        widths = [width * min(2**n, 4) for n in range(stages + 1)]
        first = nn.Sequential(conv_norm_relu(spec.input[0], width, stride=stem))
        self.down = nn.ModuleList([first, *(convs(a, b) for a, b in pairwise(widths[:-1]))])
        self.middle = nn.Sequential(
            convs(widths[-2], widths[-1], 1), nn.Dropout2d(dropout), convs(widths[-1], widths[-2], 1)
        )
        self.up = nn.ModuleList([convs(width, width, 1), *(convs(b, a) for a, b in pairwise(widths[:-1]))])
        self.smallest = stem * 2**stages
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)
        self.head = pixel_logits(width, spec.output, stem)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        more = [max(0, self.smallest - length) for length in (width, height)]
        x = F.pad(self.standardised(images), (0, more[0], 0, more[1]), mode="replicate")
        places = []
        for stage in self.down:
            x = stage(x)
            size = x.shape[2:]
            x, indices = self.pool(x)
            places.append((indices, size))
        x = self.middle(x)
        for stage, (indices, size) in reversed(list(zip(self.up, places, strict=True))):
            # a side of 45 pixels was pooled to 22, which alone would be unpooled to 44
            x = stage(self.unpool(x, indices, output_size=size))
        return self.head(x)[:, :, :height, :width]
