"""A vision transformer for small images."""

from __future__ import annotations

import torch
from dlplug_words.transformer.attention import SelfAttention
from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, Spec, UserError
from dlplug_vision.layers import Standardise, check_size


class Layer(nn.Module):
    """A pre-norm transformer layer: attention, then an MLP, both residual (Dosovitskiy et al. 2021, eq. 2, 3)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attend = nn.Sequential(nn.LayerNorm(width), SelfAttention(width, heads), nn.Dropout(dropout))
        self.think = nn.Sequential(
            nn.LayerNorm(width),
            *(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(x)
        return x + self.think(x)


class ViT(nn.Module):
    """A small vision transformer: image patches as tokens (Dosovitskiy et al. 2021, arXiv:2010.11929).

    patch: side of a patch in pixels; must divide the image's height and width.
    width: embedding size.
    depth: number of layers.
    heads: attention heads; must divide the embedding size.
    dropout: dropout rate after each half of a layer.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        patch: PositiveInt = 4,
        width: PositiveInt = 128,
        depth: PositiveInt = 6,
        heads: PositiveInt = 4,
        dropout: ProperFraction = 0.0,
    ) -> None:
        super().__init__()
        if min(patch, width, depth, heads) < 1 or width % heads:
            raise UserError(f"--model.width must be a multiple of --model.heads, got {width} and {heads}")
        check_size("vit", spec, patch, "; a smaller --model.patch takes smaller images")
        channels, height, length = spec.input
        if height % patch or length % patch:
            raise UserError(f"--model.patch must divide the images' {height}x{length}, got {patch}")
        self.standardise = Standardise(spec)
        self.embed = nn.Conv2d(channels, width, patch, patch)
        self.summary = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(1, 1 + (height // patch) * (length // patch), width))
        self.layers = nn.Sequential(*(Layer(width, heads, dropout) for _ in range(depth)), nn.LayerNorm(width))
        self.head = nn.Linear(width, spec.output)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        # z₀ = [x_class; x₁E; …; x_LE] + E_pos, (B, 1 + L, width)
        patches = self.embed(self.standardise(x)).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.summary.expand(len(x), -1, -1), patches], 1) + self.position
        return self.head(self.layers(tokens)[:, 0])
