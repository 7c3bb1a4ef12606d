"""Metrics of translation: loss, exact match and BLEU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F

from dlplug import NonNegativeInt, PositiveInt, Text, UserError, checked_by, neutral_options
from dlplug.stop import stoppable
from dlplug_text.data.pairs import BOS, PAD, HeldOutPairs, padded
from dlplug_text.language.metrics import perplexity
from dlplug_text.translation.model import Translator
from dlplug_text.translation.search import search


def translations(model: Translator, data: HeldOutPairs, count: int, beams: int, batch_size: int = 100) -> list[str]:
    """The model's translations of the first `count` held-out sentences (0: all), in order."""
    if beams < 1 or count < 0:
        raise UserError(f"--beams must be at least 1 and --count at least 0, got {beams} and {count}")
    device = next(model.parameters()).device
    sources = [data.source.encode(sentence) for sentence in data.sentences.source[: count or None]]
    by_length = sorted(range(len(sources)), key=lambda number: len(sources[number]))
    hypotheses = [""] * len(sources)
    for begin in stoppable(range(0, len(sources), batch_size)):
        numbers = by_length[begin : begin + batch_size]
        batch = padded([sources[number] for number in numbers]).to(device)
        for number, tokens in zip(numbers, search(model, batch, beams), strict=True):
            hypotheses[number] = data.target.decode(tokens)
    return hypotheses


@neutral_options("batch_size")
def translation_loss(model: Translator, data: HeldOutPairs, *, batch_size: PositiveInt = 100) -> Mapping[str, Any]:
    """Loss in nats per token and perplexity over the whole split, with teacher forcing.

    batch_size: sentence pairs per batch.
    """
    device = next(model.parameters()).device
    source = [data.source.encode(sentence) for sentence in data.sentences.source]
    target = [[BOS, *data.target.encode(sentence)] for sentence in data.sentences.target]
    total, count = 0.0, 0
    for begin in stoppable(range(0, len(source), batch_size)):
        x = padded(source[begin : begin + batch_size]).to(device)
        y = padded(target[begin : begin + batch_size]).to(device)
        logits = model(x, y[:, :-1]).float().flatten(0, 1)
        total += F.cross_entropy(logits, y[:, 1:].flatten(), ignore_index=PAD, reduction="sum").item()
        count += int((y[:, 1:] != PAD).sum())
    return {"loss": total / count, "perplexity": perplexity(total / count)}


def check_exact_match(model: Translator, data: HeldOutPairs, *, count: int, beams: int) -> None:
    check_sentences("exact-match", data, count)


def check_sentences(metric: str, data: HeldOutPairs, count: int) -> None:
    available = len(data.sentences.source)
    if count > available:
        raise UserError(
            f"--metrics.{metric}.count must be at most {available}, the held-out sentences (0 takes all), got {count}"
        )


@checked_by(check_exact_match)
def exact_match(
    model: Translator, data: HeldOutPairs, *, count: NonNegativeInt = 0, beams: PositiveInt = 1
) -> Mapping[str, Any]:
    """The fraction of translations that match the reference exactly, with examples.

    count: number of sentences of the split; 0 takes all.
    beams: beam size; 1 is greedy.
    """
    hypotheses = translations(model, data, count, beams)
    right = sum(one == other for one, other in zip(hypotheses, data.sentences.target, strict=False))
    protocol = f"{data.protocol}; {decoding(beams)}"
    return {"exact": right / len(hypotheses), "examples": examples(data, hypotheses), "protocol": protocol}


def check_bleu(model: Translator, data: HeldOutPairs, *, count: int, beams: int, lowercase: bool) -> None:
    check_sentences("bleu", data, count)


@checked_by(check_bleu)
def bleu(
    model: Translator, data: HeldOutPairs, *, count: NonNegativeInt = 0, beams: PositiveInt = 1, lowercase: bool = True
) -> Mapping[str, Any]:
    """Corpus BLEU (Papineni et al. 2002) by sacrebleu (Post 2018), against the unprocessed references; the protocol
    contains its signature.

    count: number of sentences of the split; 0 takes all.
    beams: beam size; 1 is greedy.
    lowercase: ignore case.
    """
    from sacrebleu.metrics.bleu import BLEU

    hypotheses = translations(model, data, count, beams)
    measure = BLEU(lowercase=lowercase)
    score = measure.corpus_score(hypotheses, [list(data.sentences.target[: len(hypotheses)])])
    protocol = f"{data.protocol}; {decoding(beams)}; sacrebleu {measure.get_signature()}"
    return {"bleu": score.score, "examples": examples(data, hypotheses), "protocol": protocol}


def decoding(beams: int) -> str:
    return f"{beams} beams" if beams > 1 else "greedy"


def examples(data: HeldOutPairs, hypotheses: list[str], count: int = 10) -> Text:
    rows = zip(data.sentences.source, hypotheses, data.sentences.target, strict=False)
    return Text(
        "\n".join(
            f"{source}\n  → {hypothesis}\n  = {reference}" for source, hypothesis, reference in list(rows)[:count]
        )
    )
