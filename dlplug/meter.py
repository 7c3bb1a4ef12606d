"""Means of losses and values between two log lines, kept on the device until then."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dlplug.contracts import Update
from dlplug.errors import Diverged


class Meter:
    def __init__(self) -> None:
        self.updates: list[list[Update]] = []

    def add(self, updates: list[Update]) -> None:
        """Keeps one step's losses and values; nothing is read from the device."""
        for update in updates:
            update.loss = update.loss.detach()
            for name, value in update.values.items():
                if isinstance(value, Tensor):
                    update.values[name] = value.detach()  # a value must not keep the step's graph alive
        self.updates.append(updates)

    def flush(self, step: int) -> dict[str, float]:
        """The mean of each value since the last flush; `step` is how many steps are done.

        Raises Diverged, naming the update and the step, where a loss is not finite.
        """
        names: list[tuple[str, int, bool]] = []
        tensors: list[Tensor] = []
        for number, updates in enumerate(self.updates, step - len(self.updates) + 1):
            for update in updates:
                prefix = f"{update.part.replace('.', '_')}_" if update.part else ""
                names.append((f"{prefix}loss", number, True))
                tensors.append(update.loss)
                for name, value in update.values.items():
                    names.append((name, number, False))
                    tensors.append(value if isinstance(value, Tensor) else torch.tensor(value))
        self.updates = []
        totals: dict[str, list[float]] = {}
        for (name, number, is_loss), value in zip(names, _to_host(tensors), strict=True):
            if is_loss and not math.isfinite(value):
                raise Diverged(f"{name} became {value} at step {number}; the last checkpoint is from before that")
            totals.setdefault(name, []).append(value)
        return {name: sum(values) / len(values) for name, values in totals.items()}


def _to_host(tensors: list[Tensor]) -> list[float]:
    """All scalars in one transfer."""
    if not tensors:
        return []
    device = next((t.device for t in tensors if t.device.type != "cpu"), torch.device("cpu"))
    return torch.stack([tensor.to(device, torch.float32, non_blocking=True) for tensor in tensors]).tolist()
