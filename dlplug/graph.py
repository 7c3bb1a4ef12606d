"""The whole step (forward, backward, clip, optimizer, follow) as CUDA graphs, where shapes are fixed.

A step that depends on the host (every fifth batch the generator, every 500th the target network) differs only by
which `Turn`s are due; each such pattern gets a graph of its own, captured after it has run eagerly a few times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dlplug.contracts import Lagged, Loss, Turn, Update

WARM_UP = 3  # eager steps of a pattern before its capture, as torch's notes on CUDA graphs advise


class Captured(NamedTuple):
    replay: Callable[[], None]
    updates: list[Update]
    ticked: list[Turn]


class GraphedStep:
    """learn(batch) -> updates, captured. Inputs are copied into fixed tensors; values are read from fixed ones."""

    def __init__(
        self, learn: Callable[[Any], list[Update]], loss: Loss, capture: Callable[..., Any] | None = None
    ) -> None:
        self.learn, self.turns = learn, list(turns_of(loss))
        self.capture = capture or _cuda_capture
        self.inputs: Any = None
        self.runs: dict[tuple[bool, ...], int] = {}
        self.graphs: dict[tuple[bool, ...], Captured] = {}

    def __call__(self, batch: Any) -> list[Update]:
        pattern = tuple(turn.peek() for turn in self.turns)
        self._take(batch)
        if pattern in self.graphs:
            captured = self.graphs[pattern]
            captured.replay()
            for turn in captured.ticked:
                turn()
        elif self.runs.setdefault(pattern, 0) < WARM_UP:
            self.runs[pattern] += 1
            return self.learn(self.inputs)
        else:
            captured = self.graphs[pattern] = self._captured()
        return [Update(u.loss.clone(), u.part, **_cloned(u.values)) for u in captured.updates]

    def _captured(self) -> Captured:
        before = [turn.calls for turn in self.turns]
        replay, updates = self.capture(lambda: self.learn(self.inputs))
        ticked = [turn for turn, calls in zip(self.turns, before, strict=True) if turn.calls != calls]
        replay()  # capturing records the step without running it
        return Captured(replay, updates, ticked)

    def _take(self, batch: Any) -> None:
        """The batch's tensors go into the same memory each time; a change of shape cannot be captured."""
        if self.inputs is None:
            self.inputs = type(batch)(*(value.clone() if isinstance(value, Tensor) else value for value in batch))
            return
        for fixed, value, name in zip(self.inputs, batch, batch._fields, strict=True):
            if isinstance(value, Tensor):
                if fixed.shape != value.shape:
                    raise ValueError(
                        f"--graph needs batches of one shape: {name} was {tuple(fixed.shape)}, is {tuple(value.shape)}"
                    )
                fixed.copy_(value, non_blocking=True)


def turns_of(loss: Loss) -> Iterator[Turn]:
    """Every counter that decides on the host what a step does."""
    for value in vars(loss).values():
        if isinstance(value, Turn):
            yield value
        elif isinstance(value, nn.Module) and value is not loss.model:
            yield from (module.turn for module in value.modules() if isinstance(module, Lagged))


def _cloned(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.clone() if isinstance(value, Tensor) else value for name, value in values.items()}


def _cuda_capture(step: Callable[[], list[Update]]) -> tuple[Callable[[], None], list[Update]]:
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        updates = step()
    return graph.replay, updates
