"""A cell `(input, state) -> (output, state)` unrolled over a sequence, and the layer that answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dlplug import Spec, UserError

log = logging.getLogger("dlplug")

BOUND = 1.0


class Look(NamedTuple):
    """What there is to see of a state: memory (B, N, W); where heads read (B, R, N) and write (B, heads, N); and, of a
    DNC, its links (B, N, N)."""

    memory: Tensor
    read_weights: Tensor
    write_weights: Tensor
    links: Tensor | None


class Cell(nn.Module):
    """One step of a network with a memory of `slots` slots. The state is a NamedTuple of the cell's own.

    outputs: size of a step's output, from which the answer is read.
    """

    slots: int
    outputs: int

    def start(self, x: Tensor) -> Any:
        """The state before the first input, for as many sequences as x (B, ...) has."""
        raise NotImplementedError

    def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """x (B, inputs) gives (B, outputs) and the next state."""
        raise NotImplementedError

    def look(self, state: Any) -> Look:
        raise NotImplementedError


class BoundedGradient(torch.autograd.Function):
    """The identity, whose gradient is clipped elementwise to ±BOUND.

    A weighting that two slots share is an unstable point of what sharpens it: the gradient grows by that power at every
    step, and is more than fp32 holds after a hundred. Graves et al. 2014 bound all gradients by ±10, of a loss that is
    a sum; the losses here are means.
    """

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return x.view_as(x)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return gradient.clamp(-BOUND, BOUND)


def bound_gradient(x: Tensor) -> Tensor:
    """x, whose gradient is clipped to ±BOUND."""
    return BoundedGradient.apply(x)  # pyright: ignore[reportReturnType]


class Recurrent(nn.Module):
    """Logits (B, T, answers) of inputs (B, T, inputs), step by step.

    The answering layer is applied to all steps at once. `compile` compiles the cell alone: the unrolled loop would be
    compiled again for each length.
    """

    def __init__(self, cell: Cell, spec: Spec) -> None:
        super().__init__()
        self.cell = cell
        self.answer = nn.Linear(cell.outputs, spec.output)
        nn.init.xavier_uniform_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)
        if warning := too_few_slots(self, getattr(spec, "items", 0)):
            log.warning(warning)

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(torch.stack([output for output, _ in self.steps(x)], 1))

    def steps(self, x: Tensor) -> Iterator[tuple[Tensor, Any]]:
        """The cell's output and its state after each input."""
        state = self.cell.start(x)
        for x_t in x.unbind(1):
            output, state = self.cell(x_t, state)
            yield output, state

    def compile(self, *arguments: Any, **options: Any) -> None:
        self.cell.compile(*arguments, **options)


def too_few_slots(model: nn.Module, items: int) -> str:
    """What to say where a memory has fewer slots than there are vectors to remember; "" where there are enough."""
    slots = model.cell.slots if isinstance(model, Recurrent) else items
    if items <= slots:
        return ""
    return (
        f"{items} vectors must be remembered at once, but the memory has {slots} slots, {items - slots} too few: what "
        f"does not fit is overwritten; --model.slots {items} has room, without training again"
    )


def check_sizes(model: str, **sizes: int) -> None:
    """Raises UserError for a size below 1."""
    for name, size in sizes.items():
        if size < 1:
            raise UserError(f"--model.{name.replace('_', '-')} of {model} must be at least 1, got {size}")
