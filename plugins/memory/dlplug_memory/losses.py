"""Masked cross entropy of bits or of words."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import minimise
from dlplug_memory.tasks.task import Sequences

Values = tuple[Tensor, dict[str, Tensor]]


@minimise
def bit_cross_entropy(model: nn.Module, batch: Sequences) -> Values:
    """Cross entropy of bits, averaged over the mask; also logs bits per sequence."""
    logits = model(batch.x)
    nats = bit_nats(logits, batch)
    # L = -Σ_t m_t Σ_i [y log p + (1 - y) log(1 - p)] / Σ_t m_t I
    loss = nats.sum() / (batch.mask.sum() * logits.shape[2])
    wrong = ((logits > 0) != (batch.y > 0.5)).sum(2) * batch.mask
    return loss, {
        "bits_per_sequence": nats.sum() / len(nats) / math.log(2),
        "bit_error": wrong.sum() / (batch.mask.sum() * logits.shape[2]),
    }


@minimise
def word_cross_entropy(model: nn.Module, batch: Sequences) -> Values:
    """Cross entropy of words, averaged over the mask; also logs the fraction of wrong words."""
    logits = model(batch.x)
    nats = word_nats(logits, batch)
    # L = -Σ_t m_t log p(y_t) / Σ_t m_t
    loss = nats.sum() / batch.mask.sum()
    wrong = (logits.argmax(2) != batch.y) * batch.mask
    return loss, {
        "bits_per_sequence": nats.sum() / len(nats) / math.log(2),
        "word_error": wrong.sum() / batch.mask.sum(),
    }


def bit_nats(logits: Tensor, batch: Sequences) -> Tensor:
    """Cross entropy (B, T) of each step's bits from logits (B, T, I); 0 outside the mask."""
    return F.binary_cross_entropy_with_logits(logits, batch.y, reduction="none").sum(2) * batch.mask


def word_nats(logits: Tensor, batch: Sequences) -> Tensor:
    """Cross entropy (B, T) of each step's word from logits (B, T, words); 0 outside the mask."""
    return F.cross_entropy(logits.mT, batch.y, reduction="none") * batch.mask
