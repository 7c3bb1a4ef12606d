"""The checks of the exercises: every number by loops over sequences, heads and slots."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dlplug.testing import assert_close, called

Written = Callable[..., Tensor]


def shift(written: Written) -> None:
    certain = torch.eye(5)[None, :2]  # head 0 is at slot 0, head 1 at slot 1
    forward, both = torch.zeros(1, 2, 3), torch.zeros(1, 2, 5)
    forward[..., 2], both[..., 0] = 1.0, 1.0
    random = torch.Generator().manual_seed(0)
    spread = torch.rand(3, 2, 5, generator=random).softmax(2), torch.rand(3, 2, 3, generator=random).softmax(2)
    cases = {
        "of heads at slots 0 and 1, one slot forward": (certain, forward),
        "of heads at slots 0 and 1, two slots back, around the end": (certain, both),
        "of spread weights (3, 2, 5) by three shifts": spread,
    }
    for case, (weights, distribution) in cases.items():
        sequences, heads, slots = weights.shape
        reach = distribution.shape[2] // 2
        expected = torch.zeros_like(weights)
        for b in range(sequences):
            for h in range(heads):
                for i in range(slots):
                    for by in range(-reach, reach + 1):
                        expected[b, h, (i + by) % slots] += weights[b, h, i] * distribution[b, h, by + reach]
        assert_close(called(written, weights, distribution), expected, f"shift {case}: (sequence, head, slot)")


def similarity(written: Written) -> None:
    random = torch.Generator().manual_seed(0)
    memory, keys = torch.randn(2, 4, 3, generator=random), torch.randn(2, 2, 3, generator=random)
    mask = torch.rand(2, 2, 3, generator=random)
    got = called(written, memory, keys)
    assert_close(got, _cosines(memory, keys, torch.ones(2, 2, 3)), "similarity (sequence, head, slot)", tolerance=1e-4)
    longer = called(written, 10 * memory, keys)
    assert_close(longer, got, "similarity with a memory ten times as large, which is the same angle", tolerance=1e-4)
    masked = called(written, memory, keys, mask)
    assert_close(masked, _cosines(memory, keys, mask), "similarity with a mask on key and slot", tolerance=1e-4)
    blank = torch.zeros(2, 4, 3, requires_grad=True)
    got = written(blank, keys)
    assert_close(got, torch.zeros(2, 2, 4), "similarity with a blank memory")
    got.sum().backward()
    finite = blank.grad is not None and bool(blank.grad.isfinite().all())
    assert finite, "the gradient at a blank memory is not finite: add EPSILON to the squared length, under the root"


def _cosines(memory: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    (sequences, slots, word), heads = memory.shape, keys.shape[1]
    cosines = torch.zeros(sequences, heads, slots)
    for b in range(sequences):
        for h in range(heads):
            key = [float(keys[b, h, w] * mask[b, h, w]) for w in range(word)]
            for n in range(slots):
                slot = [float(memory[b, n, w] * mask[b, h, w]) for w in range(word)]
                dot = sum(k * m for k, m in zip(key, slot, strict=True))
                cosines[b, h, n] = dot / (math.hypot(*key) * math.hypot(*slot))
    return cosines
