"""One sequence solved, to be looked at: what came in, what was answered, and what the memory did meanwhile."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dlplug import Image, NonNegativeInt, UserError
from dlplug_memory import drawing
from dlplug_memory.babi.data import HeldOutStories
from dlplug_memory.cells.recurrent import Look, Recurrent, too_few_slots
from dlplug_memory.drawing import Film
from dlplug_memory.metrics import score
from dlplug_memory.tasks.task import HeldOut, Sequences


def memory(
    model: nn.Module, data: HeldOut, *, length: NonNegativeInt = 0, number: NonNegativeInt = 0
) -> dict[str, Any]:
    """Input, target and output of one sequence; where the heads wrote and read, the memory, and a DNC's links.

    length: size of the sequence, possibly beyond training; 0 takes the largest in training.
    number: index of the held-out sequence.
    """
    batch = one(data, length, number)
    if warning := too_few_slots(model, data.task.items(length or data.task.largest)):
        drawing.log.warning(warning)
    batch = Sequences(*(part.to(next(model.parameters()).device) for part in batch))
    logits, looks = watched(model, batch.x)
    bits, wrong, asked = (float(value) for value in score(logits, batch))
    said = f"{wrong:.0f} of {asked:.0f} answers wrong, {bits:.3g} bits"
    film = Film(batch.x[0].cpu(), asked_for(batch.y, batch), asked_for(logits.sigmoid(), batch), looks)
    pictures: dict[str, Image] = {"memory": drawing.solved(film, said)}
    if looks and looks[-1].links is not None:
        pictures["links"] = drawing.links(looks)
    return {**pictures, "bits_per_sequence": bits, "error": wrong / max(1.0, asked)}


def one(data: HeldOut, length: int, number: int) -> Sequences:
    """One held-out sequence of a size, (1, T, ...)."""
    if length < 0 or number < 0:
        raise UserError(f"--length and --number must be at least 0, got {length} and {number}")
    batch = data.sequences(length or data.task.largest, number + 1)
    return Sequences(*(part[number:] for part in batch))


def watched(model: nn.Module, x: Tensor) -> tuple[Tensor, list[Look]]:
    """Logits (1, T, answers) and, of a model with a memory, what there was to see at each step, on the CPU."""
    if not isinstance(model, Recurrent):
        return model(x), []
    outputs, looks = [], []
    for output, state in model.steps(x):
        outputs.append(output)
        look = model.cell.look(state)
        seen = (part[0].cpu() for part in look[:3])
        looks.append(Look(*seen, links=None if look.links is None else look.links[0].cpu()))
    return model.answer(torch.stack(outputs, 1)), looks


def asked_for(bits: Tensor, batch: Sequences) -> Tensor:
    """The one sequence's bits, or what the network thinks they are, (T, answers); 0 where nothing was asked."""
    return (bits[0] * batch.asked[0, :, None]).cpu()


def story(model: nn.Module, data: HeldOutStories, *, number: NonNegativeInt = 0) -> str:
    """A held-out bAbI story with the network's answers, and the right one after each mistake.

    number: index of the story.
    """
    count = len(data.stories.length)
    if not 0 <= number < count:
        raise UserError(f"--number must be between 0 and {count - 1}, the stories held out, got {number}")
    tokens = data.stories.words[number, : int(data.stories.length[number])]
    x = nn.functional.one_hot(tokens, len(data.vocabulary)).float()[None]
    p = model(x.to(next(model.parameters()).device))[0].softmax(1).cpu()
    words = []
    for place, word in enumerate(tokens.tolist()):
        if data.stories.question[number, place]:
            chosen, right = int(p[place].argmax()), int(data.stories.answers[number, place])
            mistake = "" if chosen == right else f", but it is {data.vocabulary[right]}"
            words.append(f" {data.vocabulary[chosen]} ({p[place, chosen]:.0%}{mistake})\n")
        else:
            words.append({".": ".\n", "?": "?", ",": ","}.get(data.vocabulary[word], f" {data.vocabulary[word]}"))
    return "".join(words).replace("\n ", "\n").strip()
