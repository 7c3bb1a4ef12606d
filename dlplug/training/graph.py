"""The whole step (forward, backward, clip, optimizer, follow) as CUDA graphs, where shapes are fixed.

Steps differ only in which `Turn`s are due (the generator at every fifth batch, the target network at every 500th);
each such pattern has its own graph, captured after a few eager steps. Any other state on the host, which a graph would
freeze at its captured values, is refused in one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from dlplug.contracts import Loss, Update
from dlplug.errors import UserError
from dlplug.stop import Stopped
from dlplug.training.counters import Turn, attributes_of

WARM_UP = 3  # eager steps of a pattern before its capture, as torch's notes on CUDA graphs advise


class Capture(Protocol):
    """A way to capture steps: `warm_up` runs one eagerly; a call records one and returns its replay function."""

    def warm_up(self, step: Callable[[], list[Update]]) -> list[Update]: ...

    def __call__(self, step: Callable[[], list[Update]]) -> tuple[Callable[[], None], list[Update]]: ...


class Captured(NamedTuple):
    replay: Callable[[], None]
    updates: list[Update]
    ticked: list[Turn]


class GraphedStep:
    """Captures `learn(batch) -> updates`. Inputs are copied into static tensors; losses and values are read from
    them."""

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
            while error.__context__ is not None:  # the first error: ending a failed capture raises another
                error = error.__context__
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise self._refused(f"cannot be captured ({reason})") from error
        for name, value in vars(self.loss).items():
            if not _same(value, attributes.get(name)):
                raise self._refused(f"changes its {name!r} on the host, where a replayed step does not")
        # detached, as autograd nodes would tie the eager steps of other patterns to the capture's stream
        updates = [update.mapped(Tensor.detach) for update in updates]
        ticked = [turn for turn, before in zip(self.turns, calls, strict=True) if turn.calls != before]
        replay()  # capturing records the step without running it
        return Captured(replay, updates, ticked)

    def _take(self, batch: Any) -> None:
        """Copies the batch's tensors into static memory. Its other fields are read only during capture, so they may not
        change."""
        if self.inputs is None:
            self.inputs = type(batch)(*(value.clone() if isinstance(value, Tensor) else value for value in batch))
            return
        for static, value, name in zip(self.inputs, batch, batch._fields, strict=True):
            if not isinstance(value, Tensor) or not isinstance(static, Tensor):
                if not _same(static, value):
                    raise self._refused(
                        f"learns from batches whose {name!r}, no tensor, was {static!r} and is {value!r}"
                    )
            elif (static.shape, static.dtype) != (value.shape, value.dtype):
                was, now = (f"{tuple(tensor.shape)} {tensor.dtype}" for tensor in (static, value))
                raise self._refused(f"needs batches of one shape and type: {name!r} was {was}, is {now}")
            elif static.device != self.device and not torch.equal(static, value):
                raise self._refused(f"learns from batches whose {name!r} changes on {static.device}, not {self.device}")
            else:
                static.copy_(value, non_blocking=True)

    def _refused(self, why: str) -> UserError:
        function = getattr(getattr(self.loss, "function", None), "func", type(self.loss))  # what `minimise` wraps
        return UserError(f"--graph: the step of the loss {function.__name__} {why}; leave --graph out")


class CudaCapture:
    """One side stream and one memory pool for all graphs: they run one after another, and the outputs of a replay are
    cloned before the next."""

    def __init__(self) -> None:
        self.stream, self.pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()

    def warm_up(self, step: Callable[[], list[Update]]) -> list[Update]:
        """Runs on the capture's stream, so that autograd nodes and library workspaces belong to it."""
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
    """The counters on the host that decide what a step does."""
    return attributes_of(loss, Turn)


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same object or, for values other than tensors, equal."""
    if one is other or isinstance(one, Tensor) or isinstance(other, Tensor):
        return one is other
    try:
        return type(one) is type(other) and bool(one == other)
    except (RuntimeError, ValueError):  # arrays and the like
        return False
