"""Pre-norm transformer blocks (Xiong et al. 2020, arXiv:2002.04745)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from dlplug_words.transformer.attention import Cache, CausalSelfAttention, CrossAttention


class FeedForward(nn.Sequential):
    """(..., width) to (..., width), with one hidden layer of ReLUs (Vaswani et al. 2017, section 3.3)."""

    def __init__(self, width: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, width))


class CausalBlock(nn.Module):
    """Causal self-attention and a hidden layer of 4 · width GELUs: the block of GPT-2 (Radford et al. 2019).

    dropout: dropout rate of the attention weights and residual branches. bias: use biases in affine layers and norms.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, bias=bias)
        self.attention = CausalSelfAttention(width, heads, dropout, bias)
        self.norm = nn.LayerNorm(width, bias=bias)
        self.widen, self.narrow = nn.Linear(width, 4 * width, bias), nn.Linear(4 * width, width, bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cache: Cache = ()) -> tuple[Tensor, Cache]:
        """x and the result are (B, T, width); the cache is that of `CausalSelfAttention`."""
        y, cache = self.attention(self.attention_norm(x), cache)
        x = x + self.dropout(y)
        return x + self.dropout(self.narrow(F.gelu(self.widen(self.norm(x))))), cache


class EncoderBlock(nn.Module):
    """Self-attention over a padded sequence and a feed-forward layer.

    hidden: hidden size of the feed-forward layer. dropout: dropout rate of the attention weights, within the
    feed-forward layer and after each part.
    """

    def __init__(self, width: int, hidden: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.look_norm, self.look = nn.LayerNorm(width), CrossAttention(width, heads, dropout)
        self.think = nn.Sequential(nn.LayerNorm(width), FeedForward(width, hidden, dropout))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x and the result are (B, S, width); mask (B, S) bool is false for padding."""
        normal = self.look_norm(x)
        x = x + self.dropout(self.look(normal, *self.look.keys(normal), mask))
        return x + self.dropout(self.think(x))


class DecoderBlock(nn.Module):
    """Causal self-attention, cross-attention over the encoder's output, and a feed-forward layer.

    hidden: hidden size of the feed-forward layer. dropout: dropout rate of the attention weights, within the
    feed-forward layer and after each part.
    """

    def __init__(self, width: int, hidden: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.back_norm, self.back = nn.LayerNorm(width), CausalSelfAttention(width, heads, dropout)
        self.look_norm, self.look = nn.LayerNorm(width), CrossAttention(width, heads, dropout)
        self.think = nn.Sequential(nn.LayerNorm(width), FeedForward(width, hidden, dropout))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor, cache: Cache) -> tuple[Tensor, Cache, Tensor]:
        """x and the result are (B, T, width); mask (B, S) bool is false for the encoder's padding.

        cache: keys and values of the target so far, and those of the encoder's output. The third result is the input of
        the cross-attention (B, T, width), from which its weights are computed.
        """
        past, encoded = cache[:2], cache[2:]
        y, past = self.back(self.back_norm(x), past)
        x = x + self.dropout(y)
        query = self.look_norm(x)
        x = x + self.dropout(self.look(query, encoded[0], encoded[1], mask))
        return x + self.dropout(self.think(x)), past + encoded, query
