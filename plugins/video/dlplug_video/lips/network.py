"""A LipNet-like network (Assael et al. 2016, arXiv:1611.01599)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlplug import PositiveInt, ProperFraction, Spec, UserError


class LipNet(nn.Module):
    """3-D convolutions that halve the frames' size and keep their number, bidirectional GRUs, and a score for each
    character, or none, at each frame.

    Smaller than the paper's, with strided convolutions in place of pooling; batch normalisation.

    width: channels of the first convolution; each further one has twice as many.
    stages: number of convolutions, each of which halves height and width.
    hidden: hidden size of each direction of the GRUs.
    layers: number of GRU layers; the paper has 2.
    dropout: probability that a feature of the GRUs' inputs is zeroed.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: PositiveInt = 8,
        stages: PositiveInt = 3,
        hidden: PositiveInt = 64,
        layers: PositiveInt = 1,
        dropout: ProperFraction = 0.1,
    ) -> None:
        super().__init__()
        if len(spec.input) != 4 or not spec.names:
            raise UserError(f"the model lipnet reads videos of words, such as lip-words; these data have {spec.input}")
        _, channels, height, widest = spec.input
        features = [channels, *(width * 2**stage for stage in range(stages))]
        self.convolutions = nn.Sequential(
            *(layer for stage in range(stages) for layer in halving(*features[stage : stage + 2]))
        )
        self.convolutions.to(memory_format=torch.channels_last_3d)  # a quarter faster on a CPU
        for _ in range(stages):
            height, widest = -(-height // 2), -(-widest // 2)
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(features[-1] * height * widest, hidden, layers, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, spec.output)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, T, V) of frames (B, T, C, H, W) in [0, 1]; videos end after `lengths` (B,) frames."""
        x = self.convolutions((frames - 0.5).transpose(1, 2))
        x = self.dropout(x.transpose(1, 2).flatten(2))
        # packed, so that the backward direction begins at each video's own end
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=frames.shape[1])
        return self.head(self.dropout(states))


def halving(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """(B, inputs, T, H, W) → (B, outputs, T, H / 2, W / 2), rounded up."""
    return (
        nn.Conv3d(inputs, outputs, 3, (1, 2, 2), 1, bias=False),
        nn.BatchNorm3d(outputs),
        nn.ReLU(inplace=True),
    )
