"""The whole step (forward, backward, clip, optimizer, follow) as CUDA graphs, where shapes are fixed.

A step that depends on the host (every fifth batch the generator, every 500th the target network) differs only by
which `Turn`s are due; each such pattern gets a graph of its own, captured after it has run eagerly a few times.
What else a graph would leave at the values that it was captured with is refused in one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from dlplug.contracts import Loss, Update
from dlplug.counters import Turn, attributes_of
from dlplug.errors import UserError
from dlplug.stop import Stopped

WARM_UP = 3  # eager steps of a pattern before its capture, as torch's notes on CUDA graphs advise


class Capture(Protocol):
    """A way to capture steps: `warm_up` runs one eagerly, a call records one and returns what replays it."""

    def warm_up(self, step: Callable[[], list[Update]]) -> list[Update]: ...

    def __call__(self, step: Callable[[], list[Update]]) -> tuple[Callable[[], None], list[Update]]: ...


class Captured(NamedTuple):
    replay: Callable[[], None]
    updates: list[Update]
    ticked: list[Turn]


class GraphedStep:
    """learn(batch) -> updates, captured. Inputs are copied into fixed tensors; values are read from fixed ones."""

    def __init__(self, learn: Callable[[Any], list[Update]], loss: Loss, capture: Capture | None = None) -> None:
        self.learn, self.loss, self.turns = learn, loss, list(turns_of(loss))
        self.capture = capture or CudaCapture()
        self.device = next((p.device for p in loss.model.parameters()), torch.device("cpu"))
        self.inputs: Any = None
        self.runs: dict[tuple[bool, ...], int] = {}
        self.graphs: dict[tuple[bool, ...], Captured] = {}

    def __call__(self, batch: Any) -> list[Update]:
        """Raises UserError for a step, or a batch, that a graph cannot hold."""
        pattern = tuple(turn.peek() for turn in self.turns)
        self._take(batch)
        if pattern in self.graphs:
            captured = self.graphs[pattern]
            captured.replay()
            for turn in captured.ticked:
                turn()
        elif self.runs.setdefault(pattern, 0) < WARM_UP:
            self.runs[pattern] += 1
            return self.capture.warm_up(lambda: self.learn(self.inputs))
        else:
            captured = self.graphs[pattern] = self._captured()
        return [update.mapped(Tensor.clone) for update in captured.updates]

    def _captured(self) -> Captured:
        calls, attributes = [turn.calls for turn in self.turns], dict(vars(self.loss))
        try:
            replay, updates = self.capture(lambda: self.learn(self.inputs))
        except (UserError, Stopped):
            raise
        except Exception as error:
            while error.__context__ is not None:  # the first: the end of a capture that failed fails too
                error = error.__context__
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise self._refused(f"cannot be captured ({reason})") from error
        for name, value in vars(self.loss).items():
            if not _same(value, attributes.get(name)):
                raise self._refused(f"changes its {name!r} on the host, where a replayed step does not")
        # without their autograd graph, whose nodes would tie the eager steps of other patterns to the capture's stream
        updates = [update.mapped(Tensor.detach) for update in updates]
        ticked = [turn for turn, before in zip(self.turns, calls, strict=True) if turn.calls != before]
        replay()  # capturing records the step without running it
        return Captured(replay, updates, ticked)

    def _take(self, batch: Any) -> None:
        """The batch's tensors go into the same memory each time. What else it holds is read while a step is captured,
        and not again, so it may not change."""
        if self.inputs is None:
            self.inputs = type(batch)(*(value.clone() if isinstance(value, Tensor) else value for value in batch))
            return
        for fixed, value, name in zip(self.inputs, batch, batch._fields, strict=True):
            if not isinstance(value, Tensor) or not isinstance(fixed, Tensor):
                if not _same(fixed, value):
                    raise self._refused(
                        f"learns from batches whose {name!r}, no tensor, was {fixed!r} and is {value!r}"
                    )
            elif (fixed.shape, fixed.dtype) != (value.shape, value.dtype):
                was, now = (f"{tuple(tensor.shape)} {tensor.dtype}" for tensor in (fixed, value))
                raise self._refused(f"needs batches of one shape and type: {name!r} was {was}, is {now}")
            elif fixed.device != self.device and not torch.equal(fixed, value):
                raise self._refused(f"learns from batches whose {name!r} changes on {fixed.device}, not {self.device}")
            else:
                fixed.copy_(value, non_blocking=True)

    def _refused(self, why: str) -> UserError:
        function = getattr(getattr(self.loss, "function", None), "func", type(self.loss))  # what `minimise` wraps
        return UserError(f"--graph: the step of the loss {function.__name__} {why}; leave --graph out")


class CudaCapture:
    """One side stream and one pool of memory for all graphs: they run one after another, and what a replay leaves in
    the pool is cloned before the next."""

    def __init__(self) -> None:
        self.stream, self.pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()

    def warm_up(self, step: Callable[[], list[Update]]) -> list[Update]:
        """On the stream of the capture, which autograd's nodes and the libraries' workspaces then belong to."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            updates = step()
        torch.cuda.current_stream().wait_stream(self.stream)
        return updates

    def __call__(self, step: Callable[[], list[Update]]) -> tuple[Callable[[], None], list[Update]]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
            updates = step()
        return graph.replay, updates


def turns_of(loss: Loss) -> Iterator[Turn]:
    """Every counter that decides on the host what a step does."""
    return attributes_of(loss, Turn)


def _same(one: Any, other: Any) -> bool:
    """The same object or, of what is no tensor, an equal one."""
    if one is other or isinstance(one, Tensor) or isinstance(other, Tensor):
        return one is other
    try:
        return type(one) is type(other) and bool(one == other)
    except (RuntimeError, ValueError):  # arrays and the like
        return False
