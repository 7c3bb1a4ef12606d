"""Baselines without an external memory: an LSTM and a small transformer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import PositiveInt, Spec, UserError
from dlplug_memory.cells.recurrent import check_sizes


class SequenceLSTM(nn.Module):
    """An LSTM (Hochreiter & Schmidhuber 1997), whose only memory is its cell state.

    width: hidden size.
    depth: number of layers.
    """

    def __init__(self, spec: Spec, *, width: PositiveInt = 64, depth: PositiveInt = 1) -> None:
        check_sizes("sequence-lstm", width=width, depth=depth)
        super().__init__()
        self.layers = nn.LSTM(spec.input[0], width, depth, batch_first=True)
        self.answer = nn.Linear(width, spec.output)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, inputs) gives logits (B, T, answers)."""
        return self.answer(self.layers(x)[0])


class SequenceTransformer(nn.Module):
    """A small causal transformer (Vaswani et al. 2017).

    Positional encodings are sinusoidal, so that sequences may be longer than in training.

    width: embedding size.
    depth: number of blocks.
    heads: attention heads.
    """

    def __init__(self, spec: Spec, *, width: PositiveInt = 32, depth: PositiveInt = 2, heads: PositiveInt = 4) -> None:
        check_sizes("sequence-transformer", width=width, depth=depth, heads=heads)
        if width % (2 * heads):
            raise UserError(f"--model.width must be a multiple of twice the {heads} --model.heads, got {width}")
        super().__init__()
        self.embed = nn.Linear(spec.input[0], width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.answer = nn.Linear(width, spec.output)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, inputs) gives logits (B, T, answers)."""
        y = self.embed(x)
        y = y + sines(y.shape[1], y.shape[2], y.device).to(y.dtype)
        for block in self.blocks:
            y = block(y)
        return self.answer(self.norm(y))


class Block(nn.Module):
    """A pre-norm block: causal self-attention and a feed-forward layer, each with a residual connection."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.hidden = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, width)."""
        parts = self.query_key_value(self.first(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # softmax(QKᵀ/√d) V
        y = F.scaled_dot_product_attention(*parts, is_causal=True)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.hidden(self.second(x))


def sines(steps: int, width: int, device: torch.device | None = None) -> Tensor:
    """(steps, width): sines and cosines of wavelengths from 2π to 10000 · 2π."""
    # PE(t, 2i) = sin(t / 10000^(2i/d)), PE(t, 2i + 1) = cos(…); here all sines come before the cosines
    rate = 10_000.0 ** (-torch.arange(0, width, 2, device=device) / width)
    angle = torch.arange(steps, device=device)[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], 1)
