"""Metrics: bits per sequence, errors and solved sequences, also beyond the training lengths; bAbI's error rates."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from dlplug import PositiveInt
from dlplug.stop import stoppable
from dlplug_memory.babi.data import HeldOutStories
from dlplug_memory.babi.files import TASKS
from dlplug_memory.cells.recurrent import too_few_slots
from dlplug_memory.losses import bit_nats
from dlplug_memory.tasks.task import HeldOut, Sequences

log = logging.getLogger("dlplug")

LONGER = (2, 4, 6)
FAILED = 0.05  # error above which a bAbI task counts as failed (Weston et al. 2016)


def answers(model: nn.Module, data: HeldOut, *, count: PositiveInt = 10) -> Mapping[str, Any]:
    """Bits per sequence, the fraction of wrong bits, and the fraction of sequences without an error.

    count: number of sequences of each training size.
    """
    return measured(model, data, range(data.task.smallest, data.task.largest + 1), count)


def generalisation(model: nn.Module, data: HeldOut, *, count: PositiveInt = 20) -> Mapping[str, Any]:
    """The metrics of `answers` at 2, 4 and 6 times the largest training size, such as bit_error_x6.

    count: number of sequences of each size.
    """
    values: dict[str, Any] = {}
    for times in LONGER:
        size = times * data.task.largest
        if warning := too_few_slots(model, data.task.items(size)):
            warn_once(f"{times} times the length: {warning}")
        values |= {f"{name}_x{times}": value for name, value in measured(model, data, [size], count).items()}
    return values


@cache
def warn_once(message: str) -> None:
    """Logs a warning once, not at every evaluation."""
    log.warning(message)


def measured(model: nn.Module, data: HeldOut, sizes: Iterable[int], count: int) -> dict[str, Any]:
    """Means over the sequences of all sizes; the error is the fraction of all output bits that are wrong."""
    device = next(model.parameters()).device
    bits, wrong, counts = [], [], []
    for size in stoppable(sizes):
        batch = Sequences(*(part.to(device) for part in data.sequences(size, count)))
        scored = score(model(batch.x), batch)
        for columns, value in zip((bits, wrong, counts), scored, strict=True):
            columns.append(value.cpu())
    wrong = torch.cat(wrong)
    return {
        "bits_per_sequence": torch.cat(bits).mean(),
        "bit_error": wrong.sum() / torch.cat(counts).sum(),
        "solved": (wrong == 0).float().mean(),
    }


def score(logits: Tensor, batch: Sequences) -> tuple[Tensor, Tensor, Tensor]:
    """For each sequence (B,): its cross entropy in bits, the number of wrong bits, and the number of output bits."""
    wrong = ((logits > 0) != (batch.y > 0.5)).sum(2) * batch.mask
    return bit_nats(logits, batch).sum(1) / math.log(2), wrong.sum(1), logits.shape[2] * batch.mask.sum(1)


def questions(model: nn.Module, data: HeldOutStories) -> Mapping[str, float]:
    """bAbI's error rate on each task, the mean over tasks, and the number of failed tasks (error above 5 %). An answer
    is correct if all of its words are."""
    wrong, count = torch.zeros(len(TASKS) + 1), torch.zeros(len(TASKS) + 1)
    for task, right in correct_answers(model, data):
        wrong[task] += len(right) - right.sum()
        count[task] += len(right)
    errors = {task: (wrong[task] / count[task]).item() for task in TASKS if count[task]}
    named = {f"error_task_{task}": error for task, error in errors.items()} if len(errors) > 1 else {}
    return {
        "error": sum(errors.values()) / len(errors),
        "failed_tasks": float(sum(error > FAILED for error in errors.values())),
        **named,
    }


def correct_answers(model: nn.Module, data: HeldOutStories) -> Iterator[tuple[int, Tensor]]:
    """Each story's task, and whether each of its questions is answered correctly."""
    device = next(model.parameters()).device
    for batch, index in stoppable(data.batches()):
        chosen = model(batch.x.to(device)).argmax(2).cpu()
        for row, place in enumerate(index.tolist()):
            question = data.stories.question[place, : batch.x.shape[1]]
            wrong = (chosen[row] != batch.y[row]) & (question > 0)
            right = torch.ones(int(question.max()) + 1, dtype=torch.bool)
            right[question[wrong]] = False
            yield int(data.stories.task[place]), right[1:]
