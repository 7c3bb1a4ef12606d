"""The CTC loss (Graves et al. 2006, "Connectionist Temporal Classification", section 4): each frame emits a label or a
blank, an alignment collapses to labels by merging repeats and then removing blanks, and the probability of a labelling
is the sum over all alignments that collapse to it.

Shapes: B sequences, T frames, V symbols of which one is the blank, S labels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# the logarithm of a probability of 0: finite, so that the gradient of logsumexp is never 0/0
LOG_ZERO = -1e30


def ctc_loss(
    logits: Tensor,
    lengths: Tensor,
    labels: Tensor,
    label_lengths: Tensor,
    *,
    blank: int = 0,
    written_out: bool = False,
) -> Tensor:
    """-ln p(labels) divided by the number of labels, averaged over the batch, in nats per label.

    logits: (B, T, V). lengths: frames of each sequence (B,). labels: (B, S), padded with any symbol. label_lengths:
    (B,).
    written_out: use the equations of `negative_log_likelihood` instead of torch's kernel.

    A sequence whose labels do not fit its frames (`fits`) counts as 0 and has no gradient, as with torch's
    zero_infinity.
    """
    if written_out:
        nats = negative_log_likelihood(logits, lengths, labels, label_lengths, blank=blank)
        return (nats.where(nats.isfinite(), 0.0) / label_lengths.clamp(min=1)).mean()
    log_p = log_probabilities(logits).transpose(0, 1)
    return F.ctc_loss(log_p, labels, lengths, label_lengths, blank, zero_infinity=True)


def negative_log_likelihood(
    logits: Tensor, lengths: Tensor, labels: Tensor, label_lengths: Tensor, *, blank: int = 0
) -> Tensor:
    """-ln p(labels) (B,) in nats, by the forward algorithm in log space; infinite where the labels do not fit.

    logits: (B, T, V). lengths: frames of each sequence (B,). labels: (B, S), padded with any symbol. label_lengths:
    (B,).

    Its only loop is over the frames, and it never synchronises with the device.
    """
    states = extended(labels, blank)
    # log y_t(l'_s): (B, T, 2S + 1)
    emitted = log_probabilities(logits).gather(2, states[:, None].expand(-1, logits.shape[1], -1))
    # α_t(s - 2) reaches α_t(s) where that skips a blank between two different labels
    skips = (states != blank) & (states != F.pad(states, (2, 0), value=blank)[:, :-2])
    # before the first frame: the first blank
    alpha = torch.full(states.shape, LOG_ZERO, dtype=emitted.dtype, device=emitted.device)
    alpha[:, 0] = 0.0
    for t in range(logits.shape[1]):
        from_one = F.pad(alpha, (1, 0), value=LOG_ZERO)[:, :-1]
        from_two = F.pad(alpha, (2, 0), value=LOG_ZERO)[:, :-2].where(skips, LOG_ZERO)
        # α_t(s) = y_t(l'_s) [α_{t-1}(s) + α_{t-1}(s - 1) + α_{t-1}(s - 2)]
        after = emitted[:, t] + torch.stack([alpha, from_one, from_two]).logsumexp(0)
        alpha = after.where((t < lengths)[:, None], alpha)
    # p(l) = α_T(|l'|) + α_T(|l'| - 1)
    last = 2 * label_lengths[:, None].long()
    ends = alpha.gather(1, torch.cat([last, (last - 1).clamp(min=0)], 1))
    ends = torch.cat([ends[:, :1], ends[:, 1:].where(last > 0, LOG_ZERO)], 1)
    return -ends.logsumexp(1).where(fits(lengths, labels, label_lengths), -torch.inf)


def log_probabilities(logits: Tensor) -> Tensor:
    """The log softmax of logits (..., V), in fp32 or more."""
    return logits.log_softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))


def extended(labels: Tensor, blank: int = 0) -> Tensor:
    """l' (B, 2S + 1): labels (B, S) with a blank before, between and after them."""
    states = labels.new_full((len(labels), 2 * labels.shape[1] + 1), blank, dtype=torch.long)
    states[:, 1::2] = labels
    return states


def fits(lengths: Tensor, labels: Tensor, label_lengths: Tensor) -> Tensor:
    """(B,) bool: whether there are as many frames as labels, and one more for each that repeats the label before it."""
    place = torch.arange(labels.shape[1], device=labels.device)[1:]
    repeats = ((labels[:, 1:] == labels[:, :-1]) & (place < label_lengths[:, None])).sum(1)
    return label_lengths + repeats <= lengths
