"""Linear regression and a small convolutional net in one model."""

from __future__ import annotations

from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, Spec
from dlplug_signals.spectra.nets.layers import Standardise, check_series
from dlplug_signals.spectra.nets.series_net import SeriesNet


class LinearAndNet(nn.Module):
    """An affine map of all points of a series, plus a `series-net`, which learns what the affine map leaves: a few
    hundred spectra train linear regressions better than nets. The affine map begins at zero.

    width, stages, stride, kernel, dropout: of the net (see `series-net`).
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: PositiveInt = 8,
        stages: PositiveInt = 1,
        stride: PositiveInt = 2,
        kernel: PositiveInt = 9,
        dropout: ProperFraction = 0.2,
    ) -> None:
        check_series("linear-and-net", spec)
        super().__init__()
        self.standardise = Standardise(spec)
        self.net = SeriesNet(spec, width=width, stages=stages, stride=stride, kernel=kernel, dropout=dropout)
        channels, length = spec.input
        self.linear = nn.Linear(channels * length, spec.output)
        nn.init.zeros_(self.linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, C, L) → (B, outputs)."""
        return self.net(x) + self.linear(self.standardise(x).flatten(1))
