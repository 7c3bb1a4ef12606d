"""Multi-head scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762, section 3.2), with torch's fused
kernels.

Shapes: B sequences, T tokens that attend, S tokens that are attended to, d = width / heads.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Cache = tuple[Tensor, ...]


def split_heads(x: Tensor, parts: int, heads: int) -> Tensor:
    """(B, T, parts · heads · d) as (parts, B, heads, T, d)."""
    return x.unflatten(2, (parts, heads, -1)).permute(2, 0, 3, 1, 4)


def join_heads(x: Tensor) -> Tensor:
    """(B, heads, T, d) as (B, T, heads · d)."""
    return x.transpose(1, 2).flatten(2)


def causal_mask(count: int, length: int, device: torch.device | None = None) -> Tensor:
    """(count, length) bool: each of the last `count` of `length` tokens attends to itself and to those before."""
    return torch.ones(count, length, dtype=torch.bool, device=device).tril(length - count)


class Projections(nn.Module):
    """The linear maps of self-attention.

    dropout: dropout rate of the attention weights. bias: use biases in the projections.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query_key_value = nn.Linear(width, 3 * width, bias)
        self.out = nn.Linear(width, width, bias)


class SelfAttention(Projections):
    """softmax(QKᵀ/√d) V; every token attends to all tokens of its sequence."""

    def forward(self, x: Tensor) -> Tensor:
        """x and the result are (B, T, width)."""
        query, key, value = split_heads(self.query_key_value(x), 3, self.heads)
        dropout = self.dropout if self.training else 0.0
        return self.out(join_heads(F.scaled_dot_product_attention(query, key, value, None, dropout)))


class CausalSelfAttention(Projections):
    """softmax(QKᵀ/√d) V; no token attends to one that comes after it."""

    def forward(self, x: Tensor, cache: Cache = ()) -> tuple[Tensor, Cache]:
        """x and the result are (B, T, width); the cache is the keys and values (B, heads, L, d) of earlier tokens, and
        is returned with those of x appended."""
        query, key, value = split_heads(self.query_key_value(x), 3, self.heads)
        mask = None
        if cache:
            key, value = torch.cat([cache[0], key], 2), torch.cat([cache[1], value], 2)
            mask = causal_mask(x.shape[1], key.shape[2], x.device)
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(query, key, value, mask, dropout, is_causal=mask is None)
        return self.out(join_heads(y)), (key, value)


class CrossAttention(nn.Module):
    """softmax(QKᵀ/√d) V with queries from one sequence, and keys and values from another, or the same one, that may be
    padded.

    dropout: dropout rate of the attention weights.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def keys(self, x: Tensor) -> Cache:
        """Keys and values (B, heads, S, d) of x (B, S, width)."""
        key, value = split_heads(self.key_value(x), 2, self.heads)
        return key, value

    def queries(self, x: Tensor) -> Tensor:
        """(B, heads, T, d) of x (B, T, width)."""
        return split_heads(self.query(x), 1, self.heads)[0]

    def forward(self, x: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """x and the result are (B, T, width); mask (B, S) bool is false for padding."""
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(self.queries(x), key, value, mask[:, None, None], dropout)
        return self.out(join_heads(y))

    def weights(self, x: Tensor, key: Tensor, mask: Tensor) -> Tensor:
        """The attention weights (B, T, S) of x (B, T, width), averaged over the heads."""
        scores = self.queries(x) @ key.transpose(2, 3) / math.sqrt(key.shape[3])
        return scores.masked_fill(~mask[:, None, None], -torch.inf).softmax(3).mean(1)
