"""Attention and positional encodings against the papers' equations by loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from dlplug_words.transformer.attention import CausalSelfAttention, CrossAttention, SelfAttention
from dlplug_words.transformer.positions import sinusoids


def test_attention_is_its_equation_head_by_head():
    torch.manual_seed(0)
    attention, x = SelfAttention(8, 2), torch.rand(3, 5, 8)
    query, key, value = attention.query_key_value(x).split(8, 2)
    heads = []
    for head in range(2):
        q, k, v = (part[:, :, 4 * head : 4 * head + 4] for part in (query, key, value))
        heads.append((q @ k.transpose(1, 2) / 4**0.5).softmax(2) @ v)
    torch.testing.assert_close(attention(x), attention.out(torch.cat(heads, 2)))


def test_causal_attention_is_the_paper_s_by_loops():
    layer = CausalSelfAttention(6, 2).eval()
    x = torch.randn(1, 5, 6)
    q, k, v = layer.query_key_value(x)[0].detach().view(5, 3, 2, 3).unbind(1)
    mixed = torch.zeros(5, 2, 3)
    for t in range(5):
        for head in range(2):
            scores = [float(q[t, head] @ k[s, head]) / math.sqrt(3) for s in range(t + 1)]
            weights = np.exp(scores) / np.exp(scores).sum()
            for s, weight in enumerate(weights):
                mixed[t, head] += float(weight) * v[s, head]
    torch.testing.assert_close(layer(x)[0][0], layer.out(mixed.flatten(1)), atol=1e-5, rtol=1e-4)


def test_cross_attention_is_the_mean_of_values_by_its_weights():
    layer = CrossAttention(8, 1, 0.0).eval()
    x, encoded, mask = torch.randn(2, 3, 8), torch.randn(2, 5, 8), torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
    key, value = layer.keys(encoded)
    weights = layer.weights(x, key, mask)
    assert weights[1, :, 2:].abs().max() == 0
    torch.testing.assert_close(weights.sum(2), torch.ones(2, 3))
    torch.testing.assert_close(layer(x, key, value, mask), layer.out(weights @ value[:, 0]), atol=1e-5, rtol=1e-4)


def test_sinusoids_are_the_paper_s():
    table = sinusoids(3, 4, 6)
    for row, p in enumerate(range(3, 7)):
        for i in range(3):
            angle = p / 10000 ** (2 * i / 6)
            assert table[row, 2 * i : 2 * i + 2].tolist() == pytest.approx([math.sin(angle), math.cos(angle)], abs=1e-5)
