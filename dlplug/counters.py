"""What a trainer finds among the attributes of a loss and of data: whose turn it is, and how far the training is."""

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

    It finds those among a loss's attributes, in lists and dicts of them, and in modules. A loss that counts on the host
    in any other way cannot be captured: count by a Turn, or by a tensor on the device that is changed in place.
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
    """How much of the training is over, in [0, 1]: for exploration, β-annealing, entropy and clip decay.

    `self.progress = Progress()` in the constructor of a loss or of data is all: the trainer finds it and sets it before
    each draw to the count (or the step) at that time by the run's length, the number that sets the learning rate too.
    The first batch is drawn and learnt from at 0, none at 1. Nothing is saved: it follows the count, and goes back
    where a run is resumed with a longer length.

    `float(progress)` is for data, on the host. `progress.tensor()` is for losses: a scalar on the device whose memory
    stays the same, so that a captured step reads each step's own; `float` there raises UserError.
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
        """The trainer's, before the first step."""
        self._tensor = self._tensor.to(device)

    def set(self, fraction: float) -> None:
        """The trainer's, before each draw."""
        self._fraction = fraction
        self._tensor.fill_(fraction)


def attributes_of(holder: object, kind: type[C]) -> Iterator[C]:
    """Every object of a kind that a loss or data hold, once: among the attributes, in lists and dicts of them, and in
    modules, the model among them."""
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
