"""Writing: a token at a time, each drawn from what the model thinks comes next."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import torch
from dlplug_words.vocabularies import Vocabulary, as_text, encoded
from torch import Tensor

from dlplug import NonNegativeFloat, NonNegativeInt, PositiveInt, Text, UserError, checked_by, neutral_options
from dlplug_text.data.streams import HeldOut
from dlplug_text.language.model import Writer


def text(
    model: Writer,
    data: HeldOut,
    *,
    prompt: str = "",
    tokens: PositiveInt = 500,
    temperature: NonNegativeFloat = 0.8,
    top_k: NonNegativeInt = 50,
    replace: str = "",
    seed: int,
) -> Generator[str, None, dict[str, float]]:
    """A continuation of a prompt, shown while it is generated.

    prompt: text to continue; "" starts on a new line.
    tokens: number of tokens to generate.
    temperature: divides the logits; 0 always takes the likeliest token.
    top_k: sample from the k likeliest tokens; 0 samples from all.
    replace: replacement for characters of the prompt that are not in the vocabulary; "" refuses them.
    """
    check(tokens, temperature, top_k)
    begin = opening(data.vocabulary, prompt, replace)
    generator = torch.Generator().manual_seed(seed)
    written = write(model, begin, temperature, top_k, generator)
    if prompt:
        yield data.vocabulary.decode(begin)
    started = time.perf_counter()
    yield from as_text(data.vocabulary, (next(written) for _ in range(tokens)))
    seconds = time.perf_counter() - started
    return {"tokens_per_second": round(tokens / max(seconds, 1e-9), 1)}


def check_prompt(model: Writer, data: HeldOut, *, prompt: str, **others: Any) -> None:
    try:
        encoded(data.vocabulary, prompt)
    except UserError as error:
        raise UserError(f"--metrics.sample.prompt: {error}") from None


@checked_by(check_prompt)
@neutral_options("prompt", "tokens", "temperature", "top_k")
def sample(
    model: Writer,
    data: HeldOut,
    *,
    prompt: str = "",
    tokens: PositiveInt = 200,
    temperature: NonNegativeFloat = 0.8,
    top_k: NonNegativeInt = 50,
) -> Mapping[str, Any]:
    """A text generated during training, from the same random numbers each time.

    prompt: text to continue; "" starts on a new line.
    tokens: number of tokens to generate.
    temperature: divides the logits; 0 always takes the likeliest token.
    top_k: sample from the k likeliest tokens; 0 samples from all.
    """
    options = {"prompt": prompt, "tokens": tokens, "temperature": temperature, "top_k": top_k}
    try:
        return {"sample": Text("".join(text(model, data, **options, seed=0)))}
    except NotFinite as error:  # a net that diverges is no reason to lose the run's other metrics
        return {"sample": Text(str(error))}


class NotFinite(UserError):
    """A model's logits are no numbers to draw by."""


def check(tokens: int, temperature: float, top_k: int) -> None:
    if tokens < 1 or temperature < 0 or top_k < 0:
        raise UserError(
            f"--tokens is at least 1, --temperature and --top-k at least 0, got {tokens}, {temperature} and {top_k}"
        )


def opening(vocabulary: Vocabulary, prompt: str, replace: str = "") -> list[int]:
    """The tokens of a prompt, or of a new line, or else the vocabulary's first.

    Raises UserError that names the characters which the vocabulary lacks, unless they are to be replaced.
    """
    if prompt:
        return encoded(vocabulary, prompt, replace, '; --replace "?" would put a question mark there').tolist()
    return [max(0, int(token)) for token in vocabulary.encode("\n")[:1]]


@torch.no_grad()
def write(
    model: Writer,
    prompt: Sequence[int],
    temperature: float,
    top_k: int,
    generator: torch.Generator,
    cache: bool = True,
) -> Iterator[int]:
    """Tokens after a prompt, without end.

    A state, or the keys and values of a transformer, spare reading again what was read. When a transformer's context is
    full, its last half is read again, since every token's position has changed. Without a cache everything is read for
    every token; the tokens are the same.
    """
    device = next(model.parameters()).device
    read, unread, state = list[int](), list(prompt), model.start(1)
    while True:
        if model.context and len(read) + len(unread) > model.context:
            read, unread, state = [], (read + unread)[-max(1, model.context // 2) :], model.start(1)
        if cache:
            logits, state = model(torch.tensor([unread], device=device), state)
        else:
            logits, _ = model(torch.tensor([read + unread], device=device))
        read += unread
        token = drawn(logits[0, -1].float().cpu(), temperature, top_k, generator)
        yield token
        unread = [token]


def drawn(logits: Tensor, temperature: float, top_k: int, generator: torch.Generator) -> int:
    """A token by its logits (tokens,): p ∝ exp(logit / temperature) among the `top_k` likeliest (Fan et al. 2018)."""
    if logits.isnan().any() or not logits.isfinite().any():
        raise NotFinite("the model's logits are not finite: it has diverged, and cannot write")
    if temperature == 0:
        return int(logits.argmax())
    likeliest = logits.topk(min(top_k or len(logits), len(logits)))
    place = torch.multinomial((likeliest.values / temperature).softmax(0), 1, generator=generator)
    return int(likeliest.indices[place])
