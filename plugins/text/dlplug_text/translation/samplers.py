"""The translation of one sentence, and its attention."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor

from dlplug import NonNegativeInt, PositiveInt, UserError
from dlplug_text import drawing
from dlplug_text.data.pairs import BEGIN, END, HeldOutPairs, unknown
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
    """The translation of a sentence, and the attention of each of its tokens over the source tokens.

    prompt: the sentence; "" takes a held-out one.
    number: index of the held-out sentence.
    beams: beam size; 1 is greedy.
    replace: read unknown words as the unknown token; else they are refused.
    """
    if beams < 1:
        raise UserError(f"--beams is at least 1, got {beams}")
    sentence = prompt or held_out(data, number)
    if prompt and not replace and (lacking := unknown(data.source, prompt)):
        raise UserError(f"the vocabulary lacks {', '.join(map(repr, lacking))}; --replace reads them as unknown")
    source = torch.tensor([data.source.encode(sentence)], device=next(model.parameters()).device)
    (tokens,) = search(model, source, beams)
    yield data.target.decode(tokens) + "\n"
    looked = attention(model, source, tokens)
    if looked is None:
        return {}
    read, written = data.source.pieces(source[0].tolist()), data.target.pieces([*tokens, END])
    return {"attention": drawing.attention(looked, read, written, f"attention to: {sentence}")}


def held_out(data: HeldOutPairs, number: int) -> str:
    count = len(data.sentences.source)
    if not 0 <= number < count:
        raise UserError(f"--number is between 0 and {count - 1}, got {number}")
    return data.sentences.source[number]


@torch.no_grad()
def attention(model: Translator, source: Tensor, tokens: list[int]) -> Tensor | None:
    """How much each token of a translation, and its end, looked at each of the source (1, S): (T, S) on the CPU."""
    memory = model.remember(source)
    written = torch.tensor([[BEGIN, *tokens]], device=source.device)
    looked = model.step(written, memory, model.start(memory))[2]
    return None if looked is None else looked[0].float().cpu()
