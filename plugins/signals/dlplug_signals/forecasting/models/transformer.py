"""A transformer over patches, after PatchTST (Nie et al. 2023, arXiv:2211.14730)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, Spec, UserError
from dlplug_signals.forecasting.models.columns import Normalised


class TransformerForecaster(Normalised):
    """A transformer's encoder over overlapping patches of each column, and an affine layer from all its tokens to the
    horizon. The last value is repeated for one more patch, as in the paper.

    patch, stride: time steps per patch, and from one patch to the next.
    width, depth, heads: embedding size, encoder blocks, attention heads.
    dropout: dropout rate in the blocks and before the last layer.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        patch: PositiveInt = 16,
        stride: PositiveInt = 8,
        width: PositiveInt = 16,
        depth: PositiveInt = 2,
        heads: PositiveInt = 4,
        dropout: ProperFraction = 0.2,
    ) -> None:
        super().__init__(spec)
        if width % heads:
            raise UserError(f"--model.heads {heads} does not divide --model.width {width}")
        if patch > self.length + stride:
            raise UserError(f"--model.patch {patch} is longer than --data.input {self.length}")
        self.patch, self.stride = patch, stride
        tokens = (self.length + stride - patch) // stride + 1
        self.embed = nn.Linear(patch, width)
        self.positions = nn.Parameter(0.02 * torch.randn(tokens, width))
        block = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(block, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(tokens * width, self.horizon))

    def forecast(self, x: Tensor) -> Tensor:
        longer = torch.cat([x, x[:, -1:].expand(-1, self.stride)], 1)
        patches = longer.unfold(1, self.patch, self.stride)
        return self.head(self.encoder(self.embed(patches) + self.positions))
