"""Decoding of CTC outputs to labels: greedy, by prefix beam search, or to the likeliest word of a vocabulary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import groupby
from math import exp, inf, log1p
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dlplug_words.ctc.loss import log_probabilities

Labels = tuple[int, ...]


class Hypothesis(NamedTuple):
    """A labelling and its log probability in nats, plus the language model's score."""

    labels: Labels
    log_p: float


def collapsed(alignment: Iterable[int], blank: int = 0) -> Labels:
    """The labels of an alignment: repeats are merged, then blanks removed."""
    return tuple(symbol for symbol, _ in groupby(alignment) if symbol != blank)


def greedy(logits: Tensor, lengths: Tensor, *, blank: int = 0) -> list[Labels]:
    """The labels of each sequence's likeliest alignment (best path decoding, Graves et al. 2006, section 3.2).

    logits: (B, T, V). lengths: frames of each sequence (B,).
    """
    paths = zip(logits.argmax(2).tolist(), lengths.tolist(), strict=True)
    return [collapsed(path[:length], blank) for path, length in paths]


def likeliest_word(logits: Tensor, lengths: Tensor, words: Tensor, word_lengths: Tensor, *, blank: int = 0) -> Tensor:
    """The number (B,) of each sequence's likeliest word of a vocabulary, p(word) being summed over all alignments.

    logits: (B, T, V). lengths: frames of each sequence (B,). words: labels of the vocabulary (N, S), padded with any
    symbol. word_lengths: (N,).
    """
    found = []
    for log_p, length in zip(log_probabilities(logits), lengths.tolist(), strict=True):
        every = log_p[:length, None].expand(-1, len(words), -1)
        frames = torch.full((len(words),), length)
        found.append(F.ctc_loss(every, words, frames, word_lengths, blank, reduction="none").argmin())
    return torch.stack(found)


def prefix_beam_search(
    log_p: Tensor,
    beams: int = 10,
    *,
    blank: int = 0,
    language_model: Callable[[Labels, int], float] | None = None,
    min_log_p: float = -inf,
) -> list[Hypothesis]:
    """The likeliest labellings of one sequence, the best first (Hannun et al. 2014, arXiv:1408.2873, algorithm 1).

    The probabilities of alignments with the same prefix are summed separately for those that end with a blank, after
    which the last label may be repeated, and those that end with the label. With as many beams as there are prefixes
    the result is exact.

    log_p: log probabilities (T, V) of the sequence's frames, without padding. beams: prefixes retained per frame.
    language_model: score of a label after a prefix, added to the log probability: α ln p(label | prefix) + β.
    min_log_p: labels less likely than this at a frame do not extend prefixes, which saves time with many labels.

    Raises ValueError for fewer than one beam.
    """
    if beams < 1:
        raise ValueError(f"beams must be at least 1, got {beams}")
    ends_blank: dict[Labels, float] = {(): 0.0}
    ends_label: dict[Labels, float] = {(): -inf}
    for frame in log_p.tolist():
        likely = [label for label, value in enumerate(frame) if label != blank and value >= min_log_p]
        blanks, labels = defaultdict[Labels, float](lambda: -inf), defaultdict[Labels, float](lambda: -inf)
        for prefix, before in ends_blank.items():
            total = log_add(before, ends_label[prefix])
            # a blank, or the last label again, does not change the prefix
            blanks[prefix] = log_add(blanks[prefix], total + frame[blank])
            if prefix:
                labels[prefix] = log_add(labels[prefix], ends_label[prefix] + frame[prefix[-1]])
            for label in likely:
                longer = (*prefix, label)
                # the last label starts again only after a blank
                reached = before if prefix[-1:] == (label,) else total
                extra = language_model(prefix, label) if language_model else 0.0
                labels[longer] = log_add(labels[longer], reached + frame[label] + extra)
        best = sorted(blanks.keys() | labels.keys(), key=lambda p: (-log_add(blanks[p], labels[p]), p))[:beams]
        ends_blank, ends_label = {p: blanks[p] for p in best}, {p: labels[p] for p in best}
    hypotheses = [Hypothesis(prefix, log_add(ends_blank[prefix], ends_label[prefix])) for prefix in ends_blank]
    return sorted(hypotheses, key=lambda hypothesis: (-hypothesis.log_p, hypothesis.labels))


def log_add(a: float, b: float) -> float:
    """ln(eᵃ + eᵇ)."""
    low, high = min(a, b), max(a, b)
    return high if low == -inf else high + log1p(exp(low - high))
