"""The exercises' checks accept our functions, and lead to the mistake in wrong ones."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from dlplug.testing import check_exercise


def test_shift():
    def rolled(weights, distribution, sign=1):
        reach = distribution.shape[2] // 2
        moved = [weights.roll(sign * by, 2) for by in range(-reach, reach + 1)]
        return sum(part * distribution[:, :, n : n + 1] for n, part in enumerate(moved))

    def other_way(weights, distribution):
        return rolled(weights, distribution, -1)

    def not_circular(weights, distribution):
        reach, slots = distribution.shape[2] // 2, weights.shape[2]
        padded = F.pad(weights, (reach, reach))
        parts = [padded[..., reach - by : reach - by + slots] for by in range(-reach, reach + 1)]
        return sum(part * distribution[:, :, n : n + 1] for n, part in enumerate(parts))

    def of_sequences(weights, distribution):
        reach = distribution.shape[2] // 2
        moved = [weights.roll(by, 1) for by in range(-reach, reach + 1)]
        return sum(part * distribution[:, :, n : n + 1] for n, part in enumerate(moved))

    other, ends, axis = check_exercise("circular-shift", [other_way, not_circular, of_sequences])
    assert "one slot forward: (sequence, head, slot): expected 1 at [0, 0, 1], got 0" in other
    assert "two slots back, around the end" in ends
    assert "one slot forward" in axis


def test_similarity():
    def dot_product(memory, keys, mask=None):
        return (keys if mask is None else keys * mask * mask) @ memory.mT

    def masks_the_key_alone(memory, keys, mask=None):
        masked = keys if mask is None else keys * mask
        return F.cosine_similarity(masked[:, :, None], memory[:, None], 3, 1e-6)

    def divides_by_zero(memory, keys, mask=None):
        mask = torch.ones_like(keys) if mask is None else mask
        key, slots = keys * mask, memory[:, None] * mask[:, :, None]
        dots = (key[:, :, None] * slots).sum(3)
        return torch.nan_to_num(dots / (key.norm(dim=2)[..., None] * slots.norm(dim=3)))

    def not_finite(memory, keys, mask=None):
        mask = torch.ones_like(keys) if mask is None else mask
        key, slots = keys * mask, memory[:, None] * mask[:, :, None]
        dots = (key[:, :, None] * slots).sum(3)
        return dots / (key.norm(dim=2)[..., None] * (slots.square().sum(3).sqrt() + 1e-9))

    said = check_exercise("cosine-similarity", [dot_product, masks_the_key_alone, divides_by_zero, not_finite])
    assert "similarity (sequence, head, slot): expected" in said[0]
    assert "with a mask on key and slot" in said[1]
    assert "add EPSILON to the squared length" in said[2]
    assert "add EPSILON to the squared length" in said[3]
