"""`--compile`: what a training step calls is compiled by torch.compile; evaluations run uncompiled."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple

import torch

from dlplug.contracts import Loss, Update
from dlplug.errors import UserError
from dlplug.options.layers import split_length
from dlplug.training.device import cpp_compiler

log = logging.getLogger("dlplug")


Asked = Literal["auto"] | bool


class Choice(NamedTuple):
    """Whether a run compiles, and why, for the line that says so; "" where there is nothing to explain."""

    compiles: bool
    reason: str = ""

    def __str__(self) -> str:
        because = f" ({self.reason})" if self.reason else ""
        return f"compiled{because}" if self.compiles else f"not compiled{because}" if because else ""


def choose_compilation(
    asked: Asked, device: torch.device, pays_from: Mapping[str, str], config: Mapping[str, Any]
) -> Choice:
    """`auto` compiles runs that are long enough to win back the time, where the recipe says from which length on they
    are on this type of device, and where there is a compiler.

    pays_from: a recipe's `compile_from`. config: the run's options, with its length. Raises UserError where it is
    asked for and there is no compiler.
    """
    possible = device.type != "cpu" or cpp_compiler() is not None
    if asked is True and not possible:
        raise UserError("--compile needs a C++ compiler: install one (Debian: apt-get install g++), or leave it out")
    if asked != "auto":
        return Choice(asked)
    if device.type not in pays_from:
        return Choice(False)
    amount, unit = split_length(pays_from[device.type])
    if config.get(unit, 0) < amount:
        return Choice(False, f"auto: it pays from {amount:,} {unit}")
    if not possible:
        return Choice(False, "auto: there is no C++ compiler")
    return Choice(True, f"auto: it pays from {amount:,} {unit}")


class CompiledStep:
    """A step that calls compiled functions. They are compiled at their first call, and again for another shape, dtype
    or mode (a size that changes is taken as variable the second time); a step that compiled any of them says so, and
    how long it took as a whole.

    learn: does the step, with the loss's methods as they are when it is called.
    """

    def __init__(self, learn: Callable[[Any], list[Update]], loss: Loss) -> None:
        self.learn, self.compiled = learn, compile_calls(loss)

    def __call__(self, batch: Any) -> list[Update]:
        before, started = graphs(), time.perf_counter()
        updates = self.learn(batch)
        if (made := graphs() - before) > 0:
            seconds = time.perf_counter() - started
            log.info(f"compiled {self.compiled}: {made} graph{'s' if made > 1 else ''} in {seconds:.1f} s")
        return updates


def compile_calls(loss: Loss) -> str:
    """Compiles what a step of the loss calls: the methods that it names, or else the forward pass of each part. Returns
    their names, for messages."""
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # on a CPU it warns that there is no CUDA
    for name in loss.compiles:
        setattr(loss, name, torch.compile(getattr(loss, name)))
    if loss.compiles:
        return " and ".join(loss.compiles)
    for part in loss.parts:
        loss.model.get_submodule(part).compile()
    return f"the forward pass of {' and '.join(part or 'the model' for part in loss.parts)}"


def graphs() -> int:
    """The number of graphs that this process has compiled."""
    return torch._dynamo.utils.counters["stats"]["unique_graphs"]


def uncompiled() -> AbstractContextManager[Any]:
    """A context in which compiled functions run as they are written: an evaluation's own shapes compile nothing."""
    return torch.compiler.set_stance("force_eager")
