"""What plugins provide and the trainer asks for: a `Data` gives batches, a `Loss` yields what it wants minimised.

The whole contract, in the order in which a trainer meets it:

    for step, batch in zip(range(start, steps), data.batches(loss.model)):
        for update in loss.updates(batch):
            steppers[update.part].take(update)

When control returns to the loss after a `yield`, the part that the update named has moved. Program order is training
order, so an alternating loss (a GAN's) needs no branch in any trainer.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dlplug.errors import UserError
from dlplug.ranges import PositiveInt
from dlplug.state import Stateful


@dataclass(frozen=True)
class Spec:
    """What a model needs to know about the data. A plugin may add fields in a subclass.

    input: shape of one input without the batch axis, such as (1, 28, 28), or (4, 84, 84) for stacked frames.
    output: size of the output: number of classes, of actions, or the size of a vocabulary.
    mean, deviation: mean and standard deviation of the raw input, for the model to standardise it: numbers, one for
        each channel, or tensors that broadcast with an input. The model keeps them as buffers, so that a checkpoint
        carries them.
    names: names of the outputs (classes, actions), for tables and pictures.
    """

    input: tuple[int, ...]
    output: int
    mean: float | tuple[float, ...] | Tensor = 0.0
    deviation: float | tuple[float, ...] | Tensor = 1.0
    names: tuple[str, ...] = ()


class Labelled(NamedTuple):
    """A batch of examples: inputs x (B, ...) and their answers y (B, ...), on the model's device."""

    x: Tensor
    y: Tensor


class Data(Stateful):
    """Yields batches; most data ignore the model, a player acts with it.

    spec: what a model is built from.
    unit, count: the data's own unit ("frames", "tokens", "images") and how many have been used. A subclass that
        sets a unit advances `count` itself, before it yields. "" where the step is unit enough.
    limit: the count at which the run ends, where its length is in the data's unit. The trainer sets it before
        `batches`, which may end there: data that give no batch for long (a player that first fills its replay) look.
    finite: whether the training examples have an end, so that a length may be in epochs of `steps_per_epoch()` batches.
    splits: what can be held out. Training watches the first; the last is read by `eval` and `verify` alone.
    protocol: what a measurement on the held-out data means ("sticky actions 0.25, full episodes"), printed beside it.
    distributed: False where the processes that torchrun starts would not get equal shares of each batch, or act with
        the model, each for itself.
    exact: False where something cannot be saved (an emulator): `resume` then says that this part starts afresh.

    training_options: the options that change how it is learnt and not what is measured on the held-out data. A recipe's
        target holds whatever they are; with another value of any other option, a run is not judged by it.

    A factory with a keyword argument `seed` gets the run's seed. It is the same in every process of a
    distributed run: data that draw at random add `distributed.rank()` to it, and `Order` takes its share by itself.
    """

    spec: Spec
    unit: str = ""
    count: int = 0
    limit: int | None = None
    finite: bool = False
    splits: tuple[str, ...] = ("eval",)
    protocol: str = ""
    distributed: bool = True
    exact: bool = True
    training_options: tuple[str, ...] = ("batch_size",)
    remembers = ("count",)
    forgets = ("limit",)

    def meet(self, model: nn.Module) -> None:
        """Called once, with the model as it was built and before anything is restored: here data build what they need
        of it and keep (a `Lagged`, a `Pool`, a player's hidden state), as ordinary attributes."""

    def batches(self, model: nn.Module) -> Iterator[Any]:
        """A stream of flat NamedTuples whose tensors are on the model's device, endless but for `limit`.

        What must survive a restart lives in attributes that `state_dict` knows, brought up to date before the
        `yield`; never in this generator's locals. Data that act with the model do so under `acting(model)`.
        """
        raise NotImplementedError

    def steps_per_epoch(self) -> int:
        """How many batches one pass over the training examples has; of `finite` data (`Order` counts them)."""
        raise NotImplementedError

    def split(self, name: str) -> Any:
        """The held-out data of that name, as this plugin's metrics expect it."""
        return self

    def values(self) -> Mapping[str, float]:
        """Numbers of its own (mean return, exploration rate) since it was last asked; logged as `train/<name>`."""
        return {}

    def close(self) -> None:
        """Lets go of threads, files and emulators. May be called twice."""


Logged = Mapping[str, Any]  # tensors and numbers
Closure = Callable[[], Tensor | tuple[Tensor, Logged]]


class Update:
    """One loss to minimise, the part of the model that it may move, and named values to log beside it.

    `yield Update(loss, "critic", gradient_penalty=penalty)`; values may be scalar tensors: nothing is read from the
    device before it is time to log. A value may not be named loss, part or hold.

    loss: a scalar, or a closure that computes it: `Update(lambda: value(model, batch))`, for optimizers that evaluate
        the loss more than once a step (L-BFGS); any other takes a closure too. It returns what a function for
        `minimise` returns. It may be called any number of times, so it draws nothing at random and moves no `Turn` or
        `Lagged`. Logged are the loss and the values of its first evaluation, and `evaluations`, how many there were.
    hold: accumulate: the gradients are kept, and the part moves at its next update without `hold`, once, on their sum
        (write `loss / 4` for the mean of four). Logged as one entry: the sum of the losses, the mean of the values.
        Nothing may be held when `updates` ends, so that the accumulated batch is one batch.
    """

    __slots__ = ("closure", "hold", "loss", "part", "values")

    def __init__(self, loss: Tensor | Closure, part: str = "", *, hold: bool = False, **values: Tensor | float) -> None:
        self.closure = None if isinstance(loss, Tensor) else loss
        self.loss = loss if isinstance(loss, Tensor) else torch.tensor(torch.nan)  # until it is evaluated
        self.part, self.hold, self.values = part, hold, values
        if hold and self.closure is not None:
            raise UserError(f"hold takes the gradients of a loss, and that of the part {part!r} is a closure")

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Update:
        """A copy whose tensors are changed."""
        values = {name: change(value) if isinstance(value, Tensor) else value for name, value in self.values.items()}
        return Update(change(self.loss), self.part, hold=self.hold, **values)


class Loss(Stateful):
    """Yields each loss to be minimised.

    parts: the submodule paths that get an optimizer each; "" is the whole model. Every weight that requires gradients
        belongs to exactly one: what two parts share (an encoder) is a part of its own, lies in one of them, or is
        frozen by `requires_grad_(False)`.
    """

    parts: tuple[str, ...] = ("",)

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def updates(self, batch: Any) -> Iterator[Update]:
        """Never yield inside `torch.no_grad()` or autocast: the mode would leak into the trainer."""
        raise NotImplementedError

    def product(self) -> Any:
        """What the loss makes to be used and measured: the model, an averaged generator, a greedy policy, a sampler."""
        return self.model


def minimise(function: Callable[..., Tensor | tuple[Tensor, Logged]]) -> Callable[..., Loss]:
    """Makes a factory of losses out of `function(model, batch, *, options)`.

    The function returns a scalar, or a scalar and a mapping of values to log. Its keyword-only arguments become the
    loss's options, and `micro` beside them, which every such loss has.
    """

    signature = inspect.signature(function)
    micro = inspect.signature(Minimised).parameters["micro"]

    @functools.wraps(function)
    def factory(model: nn.Module, *, micro: int = micro.default, **options: Any) -> Loss:
        signature.bind(None, None, **options)  # a wrong option is an error here, not at the first batch
        return Minimised(model, functools.partial(function, **options), micro=micro)

    options = [p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    model = inspect.Parameter("model", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    setattr(factory, "__signature__", signature.replace(parameters=[model, *options, micro]))  # noqa: B010 (typed)
    setattr(factory, "made_by", Minimised)  # noqa: B010 (whose own options the signatures' reader adds)
    return factory


class Minimised(Loss):
    """What `minimise` makes of a function.

    micro: number of micro-batches per batch: gradient accumulation for one step, in a fraction of the memory. The
        loss is the mean of theirs; batch norm and in-batch negatives see the micro-batch alone.
    """

    def __init__(self, model: nn.Module, function: Callable[..., Any], *, micro: PositiveInt = 1) -> None:
        super().__init__(model)
        self.function, self.micro = function, micro

    def updates(self, batch: Any) -> Iterator[Update]:
        if self.micro == 1:
            loss, values = value_and_logged(self.function(self.model, batch))
            yield Update(loss, **values)
            return
        for left, part in zip(reversed(range(self.micro)), split(batch, self.micro), strict=True):
            loss, values = value_and_logged(self.function(self.model, part))
            yield Update(loss / self.micro, hold=left > 0, **values)


def value_and_logged(result: Tensor | tuple[Tensor, Logged]) -> tuple[Tensor, dict[str, Any]]:
    """What a function for `minimise`, or a closure, returned: its loss, and the values to log."""
    loss, values = result if isinstance(result, tuple) else (result, {})
    return loss, dict(values)


def split(batch: Any, count: int) -> Iterator[Any]:
    """A batch's equal parts: its tensors are cut on axis 0, and so is a list or tuple with an entry for each row.

    Raises UserError where the batch has not that many equal parts.
    """
    lengths = {name: len(value) if value.ndim else 0 for name, value in zip(batch._fields, batch, strict=True)
               if isinstance(value, Tensor)}  # fmt: skip
    if len({*lengths.values()}) != 1 or next(iter(lengths.values())) % count:
        said = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise UserError(f"--loss.micro {count} does not divide the batch, whose tensors have the lengths {said}")
    rows = next(iter(lengths.values()))
    size = rows // count
    for begin in range(0, rows, size):
        yield type(batch)(*(
            value[begin : begin + size]
            if isinstance(value, Tensor) or (isinstance(value, (list, tuple)) and len(value) == rows)
            else value
            for value in batch
        ))  # fmt: skip
