"""`Turn` (true at every n-th call) and `Progress` (the fraction of the training done), for losses and data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from dlplug.errors import UserError

C = TypeVar("C")


class Turn:
    """True at every n-th call. A counter on the host, saved with the run; `peek` answers without counting, so that a
    trainer that captures steps as graphs can choose the right one before it runs.

    The trainer finds them among a loss's attributes, in lists and dicts, and in modules. A loss that counts on the host
    in any other way cannot be captured: count with a Turn, or with a tensor on the device that is changed in place.
    """

    def __init__(self, every: int) -> None:
        if every < 1:
            raise ValueError(f"every must be at least 1, got {every}")
        self.every, self.calls = every, 0

    def peek(self) -> bool:
        return (self.calls + 1) % self.every == 0

    def __call__(self) -> bool:
        due = self.peek()
        self.calls += 1
        return due

    def state_dict(self) -> dict[str, int]:
        return {"calls": self.calls}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self.calls = state["calls"]


class Progress:
    """The fraction of the training that is done, in [0, 1]: for exploration, β-annealing, entropy and clip decay.

    Write `self.progress = Progress()` in the constructor of a loss or of data. The trainer finds it, and sets it before
    each batch is drawn to count / length (or step / length), which is also the progress of the learning-rate schedule.
    It is 0 for the first batch, and below 1 for the last. It is not saved, as it follows from the count; it decreases
    where a run is resumed with a greater length.

    `float(progress)` is for data, on the host. `progress.tensor()` is for losses: a scalar on the device, updated in
    place, so that a captured step reads the present value; `float` in a captured step raises UserError.
    """

    def __init__(self) -> None:
        self._fraction, self._tensor = 0.0, torch.zeros(())

    def __float__(self) -> float:
        if self._tensor.is_cuda and torch.cuda.is_current_stream_capturing():
            raise UserError("float(progress) would stay at one value in a captured step: use progress.tensor()")
        return self._fraction

    def tensor(self) -> Tensor:
        return self._tensor

    def place(self, device: torch.device) -> None:
        """Moves the tensor to the device. The trainer calls it before the first step."""
        self._tensor = self._tensor.to(device)

    def set(self, fraction: float) -> None:
        """Sets the fraction. The trainer calls it before each batch is drawn."""
        self._fraction = fraction
        self._tensor.fill_(fraction)


def attributes_of(holder: object, kind: type[C]) -> Iterator[C]:
    """Every object of a type that a loss or data hold, each once: among the attributes, in lists and dicts, and in
    modules, including the model."""
    found = {id(one): one for value in vars(holder).values() for one in _inside(value, kind)}
    yield from found.values()


def _inside(value: Any, kind: type[C], depth: int = 2) -> Iterator[C]:
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for member in (value.values() if isinstance(value, dict) else value) if depth else ():
            yield from _inside(member, kind, depth - 1)
    elif isinstance(value, nn.Module):
        for module in value.modules():
            for name, attribute in vars(module).items():
                if name != "_modules":
                    yield from _inside(attribute, kind, depth)
