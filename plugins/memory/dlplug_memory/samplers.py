"""Figures of one sequence (input, target, output and memory), and one story with its answers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dlplug import Image, NonNegativeInt, UserError
from dlplug_memory import drawing
from dlplug_memory.babi.data import HeldOutStories
from dlplug_memory.cells.recurrent import Recurrent, Snapshot, too_few_slots
from dlplug_memory.drawing import Trace
from dlplug_memory.metrics import score
from dlplug_memory.tasks.task import HeldOut, Sequences


def memory(
    model: nn.Module, data: HeldOut, *, length: NonNegativeInt = 0, number: NonNegativeInt = 0
) -> dict[str, Any]:
    """Input, target and output of one sequence, where the heads wrote and read, the final memory, and a DNC's links.

    length: size of the sequence, which may exceed the training sizes; 0 takes the largest training size.
    number: index of the held-out sequence.
    """
    batch = one_sequence(data, length, number)
    if warning := too_few_slots(model, data.task.items(length or data.task.largest)):
        drawing.log.warning(warning)
    batch = Sequences(*(part.to(next(model.parameters()).device) for part in batch))
    logits, snapshots = recorded(model, batch.x)
    bits, wrong, count = (float(value) for value in score(logits, batch))
    title = f"{wrong:.0f} of {count:.0f} answers wrong, {bits:.3g} bits"
    trace = Trace(batch.x[0].cpu(), masked(batch.y, batch), masked(logits.sigmoid(), batch), snapshots)
    pictures: dict[str, Image] = {"memory": drawing.sequence_figure(trace, title)}
    if snapshots and snapshots[-1].links is not None:
        pictures["links"] = drawing.link_figure(snapshots)
    return {**pictures, "bits_per_sequence": bits, "error": wrong / max(1.0, count)}


def one_sequence(data: HeldOut, length: int, number: int) -> Sequences:
    """One held-out sequence of a given size, (1, T, ...)."""
    if length < 0 or number < 0:
        raise UserError(f"--length and --number must be at least 0, got {length} and {number}")
    batch = data.sequences(length or data.task.largest, number + 1)
    return Sequences(*(part[number:] for part in batch))


def recorded(model: nn.Module, x: Tensor) -> tuple[Tensor, list[Snapshot]]:
    """Logits (1, T, answers) and, for a model with a memory, a snapshot after each step, on the CPU."""
    if not isinstance(model, Recurrent):
        return model(x), []
    outputs, snapshots = [], []
    for output, state in model.steps(x):
        outputs.append(output)
        snapshot = model.cell.snapshot(state)
        parts = (part[0].cpu() for part in snapshot[:3])
        snapshots.append(Snapshot(*parts, links=None if snapshot.links is None else snapshot.links[0].cpu()))
    return model.answer(torch.stack(outputs, 1)), snapshots


def masked(bits: Tensor, batch: Sequences) -> Tensor:
    """The sequence's bits or their probabilities, (T, answers); 0 outside the mask."""
    return (bits[0] * batch.mask[0, :, None]).cpu()


def story(model: nn.Module, data: HeldOutStories, *, number: NonNegativeInt = 0) -> str:
    """A held-out bAbI story with the network's answers; each wrong one is followed by the correct one.

    number: index of the story.
    """
    count = len(data.stories.length)
    if not 0 <= number < count:
        raise UserError(f"--number must be between 0 and {count - 1} (held-out stories), got {number}")
    tokens = data.stories.words[number, : int(data.stories.length[number])]
    x = nn.functional.one_hot(tokens, len(data.vocabulary)).float()[None]
    p = model(x.to(next(model.parameters()).device))[0].softmax(1).cpu()
    words = []
    for place, word in enumerate(tokens.tolist()):
        if data.stories.question[number, place]:
            chosen, right = int(p[place].argmax()), int(data.stories.answers[number, place])
            mistake = "" if chosen == right else f", correct: {data.vocabulary[right]}"
            words.append(f" {data.vocabulary[chosen]} ({p[place, chosen]:.0%}{mistake})\n")
        else:
            words.append({".": ".\n", "?": "?", ",": ","}.get(data.vocabulary[word], f" {data.vocabulary[word]}"))
    return "".join(words).replace("\n ", "\n").strip()
