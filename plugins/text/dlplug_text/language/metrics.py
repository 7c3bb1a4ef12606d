"""How well a language model predicts every token of a split."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dlplug import PositiveInt
from dlplug.stop import stoppable
from dlplug_text.data.streams import HeldOut
from dlplug_text.language.model import LanguageModel

IGNORED = -100  # the target that F.cross_entropy ignores


def prediction(model: LanguageModel, data: HeldOut, *, streams: PositiveInt = 32) -> Mapping[str, Any]:
    """Loss in nats, bits per character and perplexity over the whole split.

    streams: number of parallel streams into which a recurrent model's text is cut; each starts from a zero state.
    """
    tokens = data.tokens
    total = nats(model, tokens, data.window, streams)
    loss = total / (len(tokens) - 1)
    characters = len(data.vocabulary.decode(tokens[1:].tolist()))
    begin = (
        f"windows of {model.context} that do not overlap, each begun without a context"
        if model.context
        else (f"{min(streams, len(tokens) - 1)} streams side by side, the state carried to their end")
    )
    return {
        "loss": loss,
        # bits = nats / ln 2
        "bits_per_char": total / math.log(2) / characters,
        "perplexity": perplexity(loss),
        "protocol": f"{data.protocol}; every token predicted once, in {begin}",
    }


def perplexity(loss: float) -> float:
    """exp(loss in nats); infinite if it exceeds float64."""
    return torch.tensor(loss, dtype=torch.double).exp().item()


def nats(model: LanguageModel, tokens: Tensor, window: int, streams: int = 32) -> float:
    """-Σ ln p of all tokens (N,) but the first. A model with a limited context sees the tokens before it in its window,
    other models those in its stream."""
    device = next(model.parameters()).device
    total, state = torch.zeros((), dtype=torch.double), None
    for x, y, first in stoppable(evaluation_batches(tokens, model.context, window, streams)):
        if first and model.stateful:
            state = model.start(len(x))
        logits, after = model(x.to(device), state)
        state = after if model.stateful else None
        total += (
            F.cross_entropy(logits.float().flatten(0, 1), y.to(device).flatten(), ignore_index=IGNORED, reduction="sum")
            .double()
            .cpu()
        )
    return total.item()


def evaluation_batches(
    tokens: Tensor, context: int, window: int, streams: int
) -> Iterator[tuple[Tensor, Tensor, bool]]:
    """Batches x, y (B, T) in which each token but the first is a target once, and whether they start from a new state.

    With a limited context each row is a window of that length; otherwise rows are streams of equal length, processed
    one window at a time. The padding of the last row is ignored.
    """
    count = len(tokens) - 1
    rows = -(-count // context) if context else min(streams, count)
    length = context or -(-count // rows)
    x, y = tokens.new_zeros(rows * length), tokens.new_full((rows * length,), IGNORED)
    x[:count], y[:count] = tokens[:-1], tokens[1:]
    x, y = x.view(rows, length), y.view(rows, length)
    if context:
        for begin in range(0, rows, streams):
            yield x[begin : begin + streams], y[begin : begin + streams], True
    else:
        for begin in range(0, length, window):
            yield x[:, begin : begin + window], y[:, begin : begin + window], begin == 0
