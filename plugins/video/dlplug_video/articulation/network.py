"""A small convolutional and recurrent network for series."""

from __future__ import annotations

from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, Spec, UserError


class ConvGRU(nn.Module):
    """1-D convolutions that halve the length, a bidirectional GRU, and the mean of its states over time.

    width: channels of the convolutions.
    stages: number of convolutions.
    hidden: hidden size of each direction of the GRU.
    dropout: probability that a feature before the GRU, or before the last layer, is zeroed.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: PositiveInt = 64,
        stages: PositiveInt = 3,
        hidden: PositiveInt = 64,
        dropout: ProperFraction = 0.3,
    ) -> None:
        super().__init__()
        if len(spec.input) != 2:
            raise UserError(f"the model word-conv-gru takes series (channels, length), got inputs {spec.input}")
        widths = [spec.input[0], *[width] * stages]
        self.convolutions = nn.Sequential(
            *(layer for stage in range(stages) for layer in halving(*widths[stage : stage + 2]))
        )
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(width, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, spec.output)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of series (B, C, T)."""
        states, _ = self.gru(self.dropout(self.convolutions(x)).transpose(1, 2))
        return self.head(self.dropout(states.mean(1)))


def halving(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """(B, inputs, T) → (B, outputs, T / 2), rounded up."""
    return (nn.Conv1d(inputs, outputs, 7, 2, 3, bias=False), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True))
