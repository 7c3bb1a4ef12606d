"""The checks of the exercises: every number by loops over examples, units, heads and tokens."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from dlplug_words.transformer.attention import Cache, CausalSelfAttention
from torch import Tensor

from dlplug.testing import assert_close, called


def lstm_step(written: Callable[..., Any]) -> None:
    random = torch.Generator().manual_seed(0)
    batch, units = 2, 3
    x, bias = torch.randn(batch, 4 * units, generator=random), torch.randn(4 * units, generator=random)
    weight = torch.randn(4 * units, units, generator=random)
    h, c = torch.randn(2, batch, units, generator=random)
    next_h, next_c = torch.empty(batch, units), torch.empty(batch, units)
    for b in range(batch):
        total = [
            float(x[b, row] + bias[row]) + sum(float(weight[row, k] * h[b, k]) for k in range(units))
            for row in range(4 * units)
        ]
        for n in range(units):
            i, f, g, o = (total[gate * units + n] for gate in range(4))
            next_c[b, n] = _sigmoid(f) * float(c[b, n]) + _sigmoid(i) * math.tanh(g)
            next_h[b, n] = _sigmoid(o) * math.tanh(next_c[b, n])
    got = called(written, x, (h, c), weight, bias)
    pair = isinstance(got, tuple) and len(got) == 2
    assert pair, f"lstm_step returns the state (h, c), two tensors; got {type(got).__name__}"
    assert_close(got[1], next_c, "the new cell c' (B, H), the second that lstm_step returns", tolerance=1e-4)
    assert_close(got[0], next_h, "the new h' (B, H), the first that lstm_step returns", tolerance=1e-4)


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


@torch.no_grad()
def causal_attention(written: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    layer = CausalSelfAttention(6, 2).eval()
    x = torch.randn(2, 4, 6)
    expected, keys, values = _by_loops(layer, x, ())
    got = called(written, layer, x)
    pair = isinstance(got, tuple) and len(got) == 2
    assert pair, f"forward returns the output and the cache (key, value); got {type(got).__name__}"
    y, cache = got
    assert_close(y[:, :1], expected[:, :1], "the output (B, T, width) for the first token, which sees itself alone")
    assert_close(y, expected, "the output (B, T, width), with √d = √3 and each token seeing itself and those before")
    assert_close(tuple(cache), (keys, values), "the cache, keys and values (B, heads, T, d)")
    first, cache = called(written, layer, x[:, :2])
    later, _ = called(written, layer, x[:, 2:], cache)
    assert_close(
        torch.cat([first, later], 1), expected, "the output of two tokens and then, from the cache, of two more"
    )


def _by_loops(layer: CausalSelfAttention, x: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor]:
    """The output (B, T, width), and keys and values (B, heads, T, d)."""
    (batch, tokens, width), heads = x.shape, layer.heads
    d = width // heads
    projected = layer.query_key_value(x)  # queries, keys and values of all heads, side by side
    joined = torch.zeros(batch, tokens, width)
    keys, values = torch.zeros(2, batch, heads, tokens, d)
    for b in range(batch):
        for head in range(heads):
            query, key, value = (
                projected[b, :, part * width + head * d : part * width + (head + 1) * d] for part in range(3)
            )
            keys[b, head], values[b, head] = key, value
            for t in range(tokens):
                scores = [math.exp(float(query[t] @ key[s]) / math.sqrt(d)) for s in range(t + 1)]
                for s in range(t + 1):
                    joined[b, t, head * d : (head + 1) * d] += scores[s] / sum(scores) * value[s]
    return layer.out(joined), keys, values
