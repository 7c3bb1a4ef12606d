"""Greedy and beam search for a translation."""

from __future__ import annotations

import torch
from torch import Tensor

from dlplug_text.data.pairs import BOS, EOS, PAD, UNK
from dlplug_text.translation.model import Encoded, Translator


@torch.no_grad()
def search(model: Translator, source: Tensor, beams: int = 1, length_power: float = 1.0) -> list[list[int]]:
    """The translation (tokens before EOS) of each source (B, S) by beam search; one beam is greedy.

    Each step retains the `beams` likeliest hypotheses of a sentence, including finished ones. The result is the one
    with the greatest log p / length^length_power (Wu et al. 2016, section 7, without coverage penalty). A translation
    has at most 10 tokens more than twice its source.
    """
    count, limit = len(source), 2 * source.shape[1] + 10
    encoded = model.encode(source)
    last = tuple(repeat_beams(part, beams) for part in encoded.last)
    encoded = Encoded(repeat_beams(encoded.states, beams), repeat_beams(encoded.mask, beams), last)
    state = model.start(encoded)
    row = torch.arange(count, device=source.device)[:, None]
    written = torch.full((count, beams, 1), BOS, device=source.device)
    score = torch.full((count, beams), -torch.inf, device=source.device)
    score[:, 0] = 0.0  # all beams start equal, so only one is extended at first
    ended = torch.zeros(count, beams, dtype=torch.bool, device=source.device)
    for _ in range(limit):
        logits, state, _ = model.decode(written[:, :, -1].reshape(-1, 1), encoded, state)
        logits = logits[:, -1].float()
        logits[:, [PAD, BOS, UNK]] = -torch.inf  # never generated
        log_p = logits.log_softmax(1).view(count, beams, -1)
        log_p[ended] = -torch.inf
        log_p[..., PAD][ended] = 0.0
        score, place = (score[..., None] + log_p).flatten(1).topk(beams)
        parent, token = place // log_p.shape[2], place % log_p.shape[2]
        written = torch.cat([written[row, parent], token[..., None]], 2)
        ended = ended[row, parent] | (token == EOS)
        chosen = (row * beams + parent).flatten()
        state = tuple(part[chosen] for part in state)
        if ended.all():
            break
    length = (written[:, :, 1:] != PAD).sum(2)
    best = (score / length**length_power).argmax(1)
    return [before_end(written[n, b, 1:].tolist()) for n, b in enumerate(best.tolist())]


def repeat_beams(part: Tensor, beams: int) -> Tensor:
    """(B, ...) as (B · beams, ...)."""
    return part.repeat_interleave(beams, 0)


def before_end(tokens: list[int]) -> list[int]:
    """The tokens before the first EOS."""
    return tokens[: tokens.index(EOS)] if EOS in tokens else tokens
