"""A small 1-D convolutional net that keeps the position on the axis."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import nn

from dlplug import NonNegativeFloat, PositiveInt, ProperFraction, Spec
from dlplug_signals.spectra.nets.layers import (
    Derivative,
    Standardise,
    check_odd,
    check_series,
    conv_norm_relu,
    length_after,
)


class SeriesNet(nn.Sequential):
    """Strided convolutions, then an affine layer on all positions: in a spectrum the position is what tells the classes
    apart, and global pooling, as in FCN (Wang et al. 2017, arXiv:1611.06455), would lose it.

    width: channels of the first stage; each further stage has twice as many, up to four times.
    stages: number of convolutions.
    stride: of each convolution.
    kernel: points of each convolution, odd.
    pooling: `flatten` keeps the positions, `mean` averages over them.
    dropout: dropout rate before the last layer.
    derivative: replaces each series by its derivative, smoothed by a Gaussian of this standard deviation in points; 0
        leaves it.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: PositiveInt = 16,
        stages: PositiveInt = 3,
        stride: PositiveInt = 2,
        kernel: PositiveInt = 9,
        pooling: Literal["flatten", "mean"] = "flatten",
        dropout: ProperFraction = 0.5,
        derivative: NonNegativeFloat = 0.0,
    ) -> None:
        check_series("series-net", spec)
        check_odd(kernel)
        channels, length = spec.input
        widths = [channels, *(width * min(4, 2**stage) for stage in range(stages))]
        flatten = pooling == "flatten"
        positions = length_after(length, stride, stages) if flatten else 1
        super().__init__(
            Standardise(spec),
            *([Derivative(derivative)] if derivative else []),
            *(layer for a, b in pairwise(widths) for layer in conv_norm_relu(a, b, kernel, stride)),
            *([] if flatten else [nn.AdaptiveAvgPool1d(1)]),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(widths[-1] * positions, spec.output),
        )
