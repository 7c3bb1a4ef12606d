"""The translation of one sentence and its attention weights."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor

from dlplug import NonNegativeInt, PositiveInt, UserError
from dlplug_text import drawing
from dlplug_text.data.pairs import BOS, EOS, HeldOutPairs, unknown
from dlplug_text.translation.model import Translator
from dlplug_text.translation.search import search


def translate(
    model: Translator,
    data: HeldOutPairs,
    *,
    prompt: str = "",
    number: NonNegativeInt = 0,
    beams: PositiveInt = 4,
    replace: bool = False,
) -> Generator[str, None, dict[str, Any]]:
    """The translation of a sentence, and the attention weights of its tokens over the source tokens.

    prompt: sentence to translate; "" takes a held-out one.
    number: index of the held-out sentence.
    beams: beam size; 1 is greedy.
    replace: replace words that are not in the vocabulary by the unknown token; otherwise they are an error.
    """
    if beams < 1:
        raise UserError(f"--beams must be at least 1, got {beams}")
    sentence = prompt or held_out_sentence(data, number)
    if prompt and not replace and (lacking := unknown(data.source, prompt)):
        raise UserError(f"the vocabulary lacks {', '.join(map(repr, lacking))}; --replace makes them unknown tokens")
    source = torch.tensor([data.source.encode(sentence)], device=next(model.parameters()).device)
    (tokens,) = search(model, source, beams)
    yield data.target.decode(tokens) + "\n"
    weights = attention_weights(model, source, tokens)
    if weights is None:
        return {}
    read, written = data.source.pieces(source[0].tolist()), data.target.pieces([*tokens, EOS])
    return {"attention": drawing.attention(weights, read, written, f"attention over: {sentence}")}


def held_out_sentence(data: HeldOutPairs, number: int) -> str:
    count = len(data.sentences.source)
    if not 0 <= number < count:
        raise UserError(f"--number must be between 0 and {count - 1}, got {number}")
    return data.sentences.source[number]


@torch.no_grad()
def attention_weights(model: Translator, source: Tensor, tokens: list[int]) -> Tensor | None:
    """The attention weights (T, S), on the CPU, of a translation's tokens and EOS over the source (1, S)."""
    encoded = model.encode(source)
    written = torch.tensor([[BOS, *tokens]], device=source.device)
    weights = model.decode(written, encoded, model.start(encoded))[2]
    return None if weights is None else weights[0].float().cpu()
