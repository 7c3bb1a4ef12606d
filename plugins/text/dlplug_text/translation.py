"""Learning to translate, translating by greedy or beam search, and what is measured and shown of it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dlplug import NonNegativeInt, PositiveInt, ProperFraction, Text, UserError, checked_by, minimise, neutral_options
from dlplug.stop import stoppable
from dlplug_text import drawing
from dlplug_text.metrics import perplexity
from dlplug_text.pairs import BEGIN, END, PAD, UNKNOWN, HeldOutPairs, Pair, filled_up, unknown
from dlplug_text.translators import Memory, Translator


@minimise
def translation(model: Translator, batch: Pair, *, smoothing: ProperFraction = 0.0) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross entropy of each token of a translation, with teacher forcing.

    smoothing: label smoothing ε (Szegedy et al. 2016, section 7).
    """
    if not 0 <= smoothing < 1:
        raise UserError(f"--loss.smoothing is in [0, 1), got {smoothing}")
    logits, y = model(batch.source, batch.target[:, :-1], batch.lengths), batch.target[:, 1:]
    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=PAD, label_smoothing=smoothing)
    right = (logits.argmax(2) == y) & (y != PAD)
    return loss, {"accuracy": right.sum() / (y != PAD).sum()}


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


def translated(model: Translator, data: HeldOutPairs, count: int, beams: int, batch_size: int = 100) -> list[str]:
    """The model's translations of the first `count` held-out sentences (0: of all), in their order."""
    if beams < 1 or count < 0:
        raise UserError(f"--beams is at least 1 and --count at least 0, got {beams} and {count}")
    device = next(model.parameters()).device
    sources = [data.source.encode(sentence) for sentence in data.sentences.source[: count or None]]
    by_length = sorted(range(len(sources)), key=lambda number: len(sources[number]))
    found = [""] * len(sources)
    for begin in stoppable(range(0, len(sources), batch_size)):
        numbers = by_length[begin : begin + batch_size]
        batch = filled_up([sources[number] for number in numbers]).to(device)
        for number, tokens in zip(numbers, search(model, batch, beams), strict=True):
            found[number] = data.target.decode(tokens)
    return found


@neutral_options("batch_size")
def translation_loss(model: Translator, data: HeldOutPairs, *, batch_size: PositiveInt = 100) -> Mapping[str, Any]:
    """Loss in nats per token and perplexity over the whole split, with teacher forcing.

    batch_size: sentence pairs per batch.
    """
    device = next(model.parameters()).device
    source = [data.source.encode(sentence) for sentence in data.sentences.source]
    target = [[BEGIN, *data.target.encode(sentence)] for sentence in data.sentences.target]
    total, count = 0.0, 0
    for begin in stoppable(range(0, len(source), batch_size)):
        x = filled_up(source[begin : begin + batch_size]).to(device)
        y = filled_up(target[begin : begin + batch_size]).to(device)
        logits = model(x, y[:, :-1]).float().flatten(0, 1)
        total += F.cross_entropy(logits, y[:, 1:].flatten(), ignore_index=PAD, reduction="sum").item()
        count += int((y[:, 1:] != PAD).sum())
    return {"loss": total / count, "perplexity": perplexity(total / count)}


def check_exact_match(model: Translator, data: HeldOutPairs, *, count: int, beams: int) -> None:
    check_sentences("exact-match", data, count)


def check_sentences(metric: str, data: HeldOutPairs, count: int) -> None:
    there = len(data.sentences.source)
    if count > there:
        raise UserError(
            f"--metrics.{metric}.count is at most {there}, as many as are held out (0 takes all), got {count}"
        )


@checked_by(check_exact_match)
def exact_match(
    model: Translator, data: HeldOutPairs, *, count: NonNegativeInt = 0, beams: PositiveInt = 1
) -> Mapping[str, Any]:
    """The share of translations that match the reference exactly, and some examples.

    count: number of sentences of the split; 0 takes all.
    beams: beam size; 1 is greedy.
    """
    found = translated(model, data, count, beams)
    right = sum(one == other for one, other in zip(found, data.sentences.target, strict=False))
    protocol = f"{data.protocol}; {searched(beams)}"
    return {"exact": right / len(found), "examples": examples(data, found), "protocol": protocol}


def check_bleu(model: Translator, data: HeldOutPairs, *, count: int, beams: int, lowercase: bool) -> None:
    check_sentences("bleu", data, count)


@checked_by(check_bleu)
def bleu(
    model: Translator, data: HeldOutPairs, *, count: NonNegativeInt = 0, beams: PositiveInt = 1, lowercase: bool = True
) -> Mapping[str, Any]:
    """Corpus BLEU (Papineni et al. 2002) by sacrebleu (Post 2018), against the references as they are in the file;
    its signature is the protocol.

    count: number of sentences of the split; 0 takes all.
    beams: beam size; 1 is greedy.
    lowercase: ignore case.
    """
    from sacrebleu.metrics.bleu import BLEU

    found = translated(model, data, count, beams)
    measure = BLEU(lowercase=lowercase)
    score = measure.corpus_score(found, [list(data.sentences.target[: len(found)])])
    protocol = f"{data.protocol}; {searched(beams)}; sacrebleu {measure.get_signature()}"
    return {"bleu": score.score, "examples": examples(data, found), "protocol": protocol}


def searched(beams: int) -> str:
    return f"{beams} beams" if beams > 1 else "greedy"


def examples(data: HeldOutPairs, found: list[str], count: int = 10) -> Text:
    rows = zip(data.sentences.source, found, data.sentences.target, strict=False)
    return Text("\n".join(f"{source}\n  → {mine}\n  = {right}" for source, mine, right in list(rows)[:count]))


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
