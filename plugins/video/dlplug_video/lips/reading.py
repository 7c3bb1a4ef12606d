"""CTC for lip reading: the loss, the error rates of a split, and a film of what was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from dlplug_words.ctc.decoding import greedy, likeliest_word
from dlplug_words.ctc.loss import ctc_loss
from dlplug_words.error_rates import character_errors, word_errors
from torch import Tensor, nn

from dlplug import Fraction, Loss, PositiveInt, Progress, Table, Update, UserError, neutral_options
from dlplug.stop import stoppable
from dlplug_video.films import in_a_row
from dlplug_video.lips.clips import BLANK, UNKNOWN, HeldOutLips, LipClips, spelled, text_of

MISTAKES = 20  # rows of the table of mistakes


class LipCTC(Loss):
    """The CTC loss (Graves et al. 2006), in nats per character, averaged over videos.

    CTC alone begins with a long time of blanks. Where the data know the character of each frame, training begins with a
    cross entropy per frame, whose weight falls linearly from 1 to 0 while that of CTC rises from 0 to 1.

    warmup: part of the training with the cross entropy.
    """

    def __init__(self, model: nn.Module, *, warmup: Fraction = 0.3) -> None:
        super().__init__(model)
        self.warmup, self.progress = warmup, Progress()

    def updates(self, batch: LipClips) -> Iterator[Update]:
        logits = self.model(batch.frames, batch.lengths)
        if logits.ndim != 3:
            raise UserError("the loss lip-ctc needs a model with scores of characters at each frame, such as lipnet")
        ctc = ctc_loss(logits, batch.lengths, batch.labels, batch.label_lengths, blank=BLANK)
        known = (batch.said != UNKNOWN).any()
        weight = known * (1 - self.progress.tensor() / max(self.warmup, 1e-9)).clamp(min=0)
        yield Update((1 - weight) * ctc + weight * frame_error(logits, batch.said), ctc=ctc.detach())


def frame_error(logits: Tensor, said: Tensor) -> Tensor:
    """Cross entropy of logits (B, T, V) with the characters (B, T), averaged over the frames where they are known; 0
    without any."""
    errors = F.cross_entropy(logits.flatten(0, 1), said.flatten(), ignore_index=UNKNOWN, reduction="sum")
    return errors / (said != UNKNOWN).sum().clamp(min=1)


@neutral_options("count")
def lip_reading(model: nn.Module, data: HeldOutLips, *, count: PositiveInt = 6) -> Mapping[str, Any]:
    """Word and character error rate of a whole split, decoded greedily without a lexicon; the most frequent mistakes,
    and a film. Where words come from a closed vocabulary, also the share of videos whose likeliest word of the
    vocabulary is another (`closed_word_error`).

    count: number of videos in the film.
    """
    read, likeliest = read_by(model, data)
    closed = {"closed_word_error": word_errors(likeliest, data.texts).rate} if likeliest else {}
    mistakes = Counter((said, seen) for said, seen in zip(data.texts, read, strict=True) if said != seen)
    rows = [[said, seen, number] for (said, seen), number in mistakes.most_common(MISTAKES)]
    return {
        "word_error": word_errors(read, data.texts).rate,
        "character_error": character_errors(read, data.texts).rate,
        **closed,
        "mistakes": Table(["said", "read", "times"], rows, "the most frequent mistakes"),
        "film": film_of(data, read, list(range(min(count, len(read))))),
    }


def show_lips(model: nn.Module, data: HeldOutLips, *, count: PositiveInt = 6, seed: int) -> Mapping[str, Any]:
    """A film of lips, with what was said and what was read.

    count: number of videos, drawn from the split by the seed.
    """
    drawn = torch.randperm(len(data.texts), generator=torch.Generator().manual_seed(seed))[:count]
    clips = LipClips(*(part[drawn] for part in data.clips))
    some = data._replace(clips=clips, texts=[data.texts[n] for n in drawn])
    return {"film": film_of(some, read_by(model, some)[0], list(range(len(drawn))))}


def read_by(model: nn.Module, data: HeldOutLips, batch_size: int = 50) -> tuple[list[str], list[str]]:
    """What a model reads in each video by best path decoding; and the likeliest word of the vocabulary, where there is
    one."""
    device = next(model.parameters()).device
    words = spelled(list(data.vocabulary), data.names) if data.vocabulary else None
    read, likeliest = [], []
    parts = zip(data.clips.frames.split(batch_size), data.clips.lengths.split(batch_size), strict=True)
    for frames, lengths in stoppable(parts):
        logits = model(frames.to(device).float() / 255, lengths.to(device)).cpu()
        read += [text_of(labels, data.names) for labels in greedy(logits, lengths, blank=BLANK)]
        if words:
            likeliest += [data.vocabulary[n] for n in likeliest_word(logits, lengths, *words, blank=BLANK).tolist()]
    return read, likeliest


def film_of(data: HeldOutLips, read: list[str], rows: list[int]) -> Any:
    """The videos beside each other, each with what was said and what was read."""
    titles = [f"{data.texts[n]} | {read[n]}" for n in rows]
    return in_a_row([data.clips.frames[n, : data.clips.lengths[n]] for n in rows], titles, "said | read")
