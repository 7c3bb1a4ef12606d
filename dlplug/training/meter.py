"""Means of losses and values between two log lines, accumulated on the device."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import torch
from torch import Tensor

from dlplug.contracts import Update
from dlplug.errors import Diverged
from dlplug.json_values import shortest


class Meter:
    """Averages losses and values over steps. A part's name is the prefix of its loss, and of a value that other parts
    log under the same name. Updates with held gradients are one entry with the update that applies them: the sum of
    their losses, the mean of their values."""

    def __init__(self) -> None:
        self.updates: list[list[Update]] = []
        self.parts: defaultdict[str, set[str]] = defaultdict(set)  # the parts that logged a value, by its name

    def add(self, updates: list[Update]) -> None:
        """Adds one step's losses and values, without reading from the device."""
        for update in updates:
            update.loss = update.loss.detach()
            for name, value in update.values.items():
                self.parts[name].add(update.part)
                if isinstance(value, Tensor) and value.requires_grad:
                    update.values[name] = value.detach()  # a value must not keep the step's graph alive
        self.updates.append(_joined(updates) if any(update.hold for update in updates) else updates)

    def flush(self, step: int) -> dict[str, float]:
        """The mean of each loss and value since the last flush. step: number of completed steps.

        Raises Diverged, naming the loss and the step, where a loss is not finite.
        """
        names: list[tuple[str, int, bool]] = []
        values: list[Tensor | float] = []
        for number, updates in enumerate(self.updates, step - len(self.updates) + 1):
            for update in updates:
                names.append((_named("loss", update.part), number, True))
                values.append(update.loss)
                for name, value in update.values.items():
                    shared = len(self.parts[name]) > 1
                    names.append((_named(name, update.part) if shared else name, number, False))
                    values.append(value)
        self.updates = []
        totals: defaultdict[str, list[float]] = defaultdict(list)
        for (name, number, is_loss), value in zip(names, _to_host(values), strict=True):
            if is_loss and not math.isfinite(value):
                raise Diverged(f"{name} became {value} at step {number}")
            totals[name].append(value)
        return {name: shortest(sum(values) / len(values)) for name, values in totals.items()}


def _joined(updates: list[Update]) -> list[Update]:
    """One update for each optimizer step of a part."""
    held: dict[str, list[Update]] = {}
    joined = []
    for update in updates:
        group = held.setdefault(update.part, [])
        group.append(update)
        if not update.hold:
            del held[update.part]
            joined.append(_sum(group) if len(group) > 1 else update)
    return joined


def _sum(group: list[Update]) -> Update:
    """The sum of the losses, and the mean of each value over the updates that have it."""
    values: dict[str, list[Tensor | float]] = {}
    for update in group:
        for name, value in update.values.items():
            values.setdefault(name, []).append(value)
    means: dict[str, Any] = {name: sum(several[1:], several[0]) / len(several) for name, several in values.items()}
    return Update(torch.stack([update.loss for update in group]).sum(), group[0].part, **means)


def _named(name: str, part: str) -> str:
    return f"{part.replace('.', '_')}_{name}" if part else name


def _to_host(values: list[Tensor | float]) -> list[float]:
    """All values as numbers, in one transfer of each type from each device."""
    numbers = [0.0 if isinstance(value, Tensor) else float(value) for value in values]
    places: defaultdict[tuple[torch.device, torch.dtype], dict[int, Tensor]] = defaultdict(dict)
    for index, value in enumerate(values):
        if isinstance(value, Tensor):
            places[value.device, value.dtype][index] = value
    for scalars in places.values():
        read = torch.stack([*scalars.values()]).float().tolist()
        for index, value in zip(scalars, read, strict=True):
            numbers[index] = value
    return numbers
