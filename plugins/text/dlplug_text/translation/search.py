"""Greedy and beam search for a translation."""

from __future__ import annotations

import torch
from torch import Tensor

from dlplug_text.data.pairs import BEGIN, END, PAD, UNKNOWN
from dlplug_text.translation.model import Memory, Translator


@torch.no_grad()
def search(model: Translator, source: Tensor, beams: int = 1, length_power: float = 1.0) -> list[list[int]]:
    """The translation (tokens before the end) of each source (B, S) that beam search likes best; one beam is greedy.

    Of each sentence the `beams` likeliest beginnings are kept. One that has ended stays among them, and costs nothing
    more; the best is that with the greatest log p / length^length_power (Wu et al. 2016, section 7, without coverage).
    A translation is at most twice as long as its source and 10 tokens.
    """
    count, limit = len(source), 2 * source.shape[1] + 10
    memory = model.remember(source)
    last = tuple(repeated(part, beams) for part in memory.last)
    memory = Memory(repeated(memory.states, beams), repeated(memory.known, beams), last)
    state = model.start(memory)
    row = torch.arange(count, device=source.device)[:, None]
    written = torch.full((count, beams, 1), BEGIN, device=source.device)
    score = torch.full((count, beams), -torch.inf, device=source.device)
    score[:, 0] = 0.0  # all beams begin alike: only one may go on
    ended = torch.zeros(count, beams, dtype=torch.bool, device=source.device)
    for _ in range(limit):
        logits, state, _ = model.step(written[:, :, -1].reshape(-1, 1), memory, state)
        logits = logits[:, -1].float()
        logits[:, [PAD, BEGIN, UNKNOWN]] = -torch.inf  # which no translation has
        log_p = logits.log_softmax(1).view(count, beams, -1)
        log_p[ended] = -torch.inf
        log_p[..., PAD][ended] = 0.0
        score, place = (score[..., None] + log_p).flatten(1).topk(beams)
        parent, token = place // log_p.shape[2], place % log_p.shape[2]
        written = torch.cat([written[row, parent], token[..., None]], 2)
        ended = ended[row, parent] | (token == END)
        chosen = (row * beams + parent).flatten()
        state = tuple(part[chosen] for part in state)
        if ended.all():
            break
    length = (written[:, :, 1:] != PAD).sum(2)
    best = (score / length**length_power).argmax(1)
    return [cut(written[n, b, 1:].tolist()) for n, b in enumerate(best.tolist())]


def repeated(part: Tensor, beams: int) -> Tensor:
    """(B, ...) as (B · beams, ...)."""
    return part.repeat_interleave(beams, 0)


def cut(tokens: list[int]) -> list[int]:
    """The tokens before the first end."""
    return tokens[: tokens.index(END)] if END in tokens else tokens
