"""Text generation, one token at a time."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import torch
from dlplug_words.vocabularies import Vocabulary, decode_stream, encode_checked
from torch import Tensor

from dlplug import NonNegativeFloat, NonNegativeInt, PositiveInt, Text, UserError, checked_by, neutral_options
from dlplug_text.data.streams import HeldOut
from dlplug_text.language.model import LanguageModel


def text(
    model: LanguageModel,
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
    replace: replacement for characters of the prompt that are not in the vocabulary; "" reports an error.
    """
    check_options(tokens, temperature, top_k)
    beginning = prompt_tokens(data.vocabulary, prompt, replace)
    generator = torch.Generator().manual_seed(seed)
    written = generate(model, beginning, temperature, top_k, generator)
    if prompt:
        yield data.vocabulary.decode(beginning)
    started = time.perf_counter()
    yield from decode_stream(data.vocabulary, (next(written) for _ in range(tokens)))
    seconds = time.perf_counter() - started
    return {"tokens_per_second": round(tokens / max(seconds, 1e-9), 1)}


def check_prompt(model: LanguageModel, data: HeldOut, *, prompt: str, **others: Any) -> None:
    try:
        encode_checked(data.vocabulary, prompt)
    except UserError as error:
        raise UserError(f"--metrics.sample.prompt: {error}") from None


@checked_by(check_prompt)
@neutral_options("prompt", "tokens", "temperature", "top_k")
def sample(
    model: LanguageModel,
    data: HeldOut,
    *,
    prompt: str = "",
    tokens: PositiveInt = 200,
    temperature: NonNegativeFloat = 0.8,
    top_k: NonNegativeInt = 50,
) -> Mapping[str, Any]:
    """Text generated during training, with the same random numbers each time.

    prompt: text to continue; "" starts on a new line.
    tokens: number of tokens to generate.
    temperature: divides the logits; 0 always takes the likeliest token.
    top_k: sample from the k likeliest tokens; 0 samples from all.
    """
    options = {"prompt": prompt, "tokens": tokens, "temperature": temperature, "top_k": top_k}
    try:
        return {"sample": Text("".join(text(model, data, **options, seed=0)))}
    except NotFinite as error:  # a model that has diverged still has other metrics
        return {"sample": Text(str(error))}


class NotFinite(UserError):
    """A model's logits are not finite."""


def check_options(tokens: int, temperature: float, top_k: int) -> None:
    if tokens < 1 or temperature < 0 or top_k < 0:
        raise UserError(
            f"--tokens must be at least 1, --temperature and --top-k at least 0; got {tokens}, {temperature}, {top_k}"
        )


def prompt_tokens(vocabulary: Vocabulary, prompt: str, replace: str = "") -> list[int]:
    """The tokens of a prompt; those of a new line if it is empty, or else the vocabulary's first token.

    Raises UserError naming the characters that are not in the vocabulary, unless `replace` is set.
    """
    if prompt:
        return encode_checked(vocabulary, prompt, replace, '; --replace "?" puts a question mark there').tolist()
    return [max(0, int(token)) for token in vocabulary.encode("\n")[:1]]


@torch.no_grad()
def generate(
    model: LanguageModel,
    prompt: Sequence[int],
    temperature: float,
    top_k: int,
    generator: torch.Generator,
    cache: bool = True,
) -> Iterator[int]:
    """An endless stream of tokens after a prompt.

    With a cache (a recurrent state, or a transformer's keys and values) each token is processed once. When a
    transformer's context is full, its second half is processed again at its new positions. Without a cache the whole
    context is processed for each token; the generated tokens are the same.
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
        token = sample_token(logits[0, -1].float().cpu(), temperature, top_k, generator)
        yield token
        unread = [token]


def sample_token(logits: Tensor, temperature: float, top_k: int, generator: torch.Generator) -> int:
    """A token sampled from logits (tokens,): p ∝ exp(logit / temperature) among the `top_k` likeliest (Fan et al.
    2018); temperature 0 takes the likeliest."""
    if logits.isnan().any() or not logits.isfinite().any():
        raise NotFinite("the model's logits are not finite: it has diverged and cannot generate text")
    if temperature == 0:
        return int(logits.argmax())
    likeliest = logits.topk(min(top_k or len(logits), len(logits)))
    place = torch.multinomial((likeliest.values / temperature).softmax(0), 1, generator=generator)
    return int(likeliest.indices[place])
