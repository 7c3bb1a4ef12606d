"""A recurrent forecaster: an LSTM over patches."""

from __future__ import annotations

from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, Spec
from dlplug_signals.forecasting.models.columns import Normalised
from dlplug_signals.forecasting.models.tcn import whole_patches


class LSTMForecaster(Normalised):
    """An LSTM over patches of each column, whose last state gives the whole horizon (patches as in SegRNN, Lin et al.
    2023, arXiv:2308.11200).

    patch: time steps per step of the LSTM; 1 reads single time steps.
    width: hidden size.
    layers: LSTM layers.
    dropout: dropout rate of the embedded patches and of the last state.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        patch: PositiveInt = 24,
        width: PositiveInt = 64,
        layers: PositiveInt = 1,
        dropout: ProperFraction = 0.1,
    ) -> None:
        super().__init__(spec)
        self.patches = whole_patches(self.length, patch)
        self.embed = nn.Sequential(nn.Linear(patch, width), nn.ReLU(), nn.Dropout(dropout))
        self.recurrent = nn.LSTM(width, width, layers, batch_first=True)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, self.horizon))

    def forecast(self, x: Tensor) -> Tensor:
        states, _ = self.recurrent(self.embed(x.unflatten(1, (self.patches, -1))))
        return self.head(states[:, -1])
