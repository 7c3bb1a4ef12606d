"""A cell `(input, state) -> (output, state)` unrolled over a sequence, and the output layer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dlplug import Spec, UserError

log = logging.getLogger("dlplug")

CLIP = 1.0


class Snapshot(NamedTuple):
    """The part of a state that figures show: memory (B, N, W), read weights (B, R, N), write weights (B, heads, N), and
    a DNC's links (B, N, N)."""

    memory: Tensor
    read_weights: Tensor
    write_weights: Tensor
    links: Tensor | None


class Cell(nn.Module):
    """One step of a network with a memory of `slots` slots. The state is a NamedTuple that each cell defines.

    outputs: size of a step's output, which is the input of the output layer.
    """

    slots: int
    outputs: int

    def start(self, x: Tensor) -> Any:
        """The initial state for the sequences of x (B, ...)."""
        raise NotImplementedError

    def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """x (B, inputs) gives (B, outputs) and the next state."""
        raise NotImplementedError

    def snapshot(self, state: Any) -> Snapshot:
        raise NotImplementedError


class ClippedGradient(torch.autograd.Function):
    """The identity, with its gradient clipped elementwise to ±CLIP.

    A weighting shared by two slots is an unstable fixed point of sharpening: the gradient grows by the factor γ at
    every step and overflows fp32 after about a hundred steps. Graves et al. 2014 clip all gradients to ±10, for a loss
    that is a sum; the losses here are means.
    """

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return x.view_as(x)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return gradient.clamp(-CLIP, CLIP)


def clip_gradient(x: Tensor) -> Tensor:
    """x, with its gradient clipped to ±CLIP."""
    return ClippedGradient.apply(x)  # pyright: ignore[reportReturnType]


class Recurrent(nn.Module):
    """Maps inputs (B, T, inputs) to logits (B, T, answers), step by step.

    The output layer is applied to all steps at once. `compile` compiles only the cell, since the unrolled loop would be
    recompiled for each length.
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
    """A warning if the memory has fewer slots than there are vectors to remember; otherwise ""."""
    slots = model.cell.slots if isinstance(model, Recurrent) else items
    if items <= slots:
        return ""
    return (
        f"{items} vectors must be remembered at once, but the memory has {slots} slots, {items - slots} too few: some "
        f"will be overwritten; --model.slots {items} is enough, and does not require retraining"
    )


def check_sizes(model: str, **sizes: int) -> None:
    """Raises UserError for a size below 1."""
    for name, size in sizes.items():
        if size < 1:
            raise UserError(f"--model.{name.replace('_', '-')} of {model} must be at least 1, got {size}")
