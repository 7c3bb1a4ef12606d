"""The contract between plugins and the trainer: `Data` yield batches, a `Loss` yields each quantity to minimise.

The whole contract is the trainer's loop:

    for step, batch in zip(range(start, steps), data.batches(loss.model)):
        for update in loss.updates(batch):
            steppers[update.part].take(update)

When control returns to the loss after a `yield`, the part that the update names has been updated. Program order is
training order, so an alternating loss (a GAN's) needs no branch in any trainer.
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
    """A batch of examples: inputs x (B, ...) and labels y (B, ...), on the model's device."""

    x: Tensor
    y: Tensor


class Data(Stateful):
    """Yields batches; most data ignore the model, a player acts with it.

    spec: what a model is built from.
    unit, count: the data's own unit ("frames", "tokens", "images") and how many have been used. A subclass that
        sets a unit advances `count` itself, before it yields. "" where the step is unit enough.
    limit: the count at which the run ends, where its length is in the data's unit. The trainer sets it before it calls
        `batches`, which may end there: a player that fills its replay buffer before its first batch must check it.
    finite: whether the training set is finite, so that a length may be in epochs of `steps_per_epoch()` batches.
    splits: the names of the held-out splits. Training evaluates on the first; only `eval` and `verify` read the last.
    protocol: how a number is measured on the held-out data ("sticky actions 0.25, full episodes"), printed beside it.
    distributed: False for data that cannot give each process of torchrun an equal share of a batch, or that act with
        the model.
    exact: False where some state cannot be saved (an emulator's): `resume` then says that episodes start afresh.

    training_options: the options that change the training and not what is measured on the held-out data. A recipe's
        target applies whatever their values; a run with another value of any other option is not compared with it.

    A factory with a keyword argument `seed` receives the run's seed, which is the same in every process of a
    distributed run: data that draw at random add `distributed.rank()` to it; `Order` computes its share by itself.
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
        """Called once with the initial model, before a checkpoint is restored. Data build state that depends on the
        model here (a `Lagged`, a `Pool`, a player's hidden state), as ordinary attributes."""

    def batches(self, model: nn.Module) -> Iterator[Any]:
        """Yields flat NamedTuples whose tensors are on the model's device, without end or until `limit`.

        State that must survive a restart is kept in attributes that `state_dict` saves, up to date at every `yield`;
        never in this generator's local variables. Data that act with the model do so under `acting(model)`.
        """
        raise NotImplementedError

    def steps_per_epoch(self) -> int:
        """The number of batches in one pass over the training set, for `finite` data (see `Order.steps_per_epoch`)."""
        raise NotImplementedError

    def split(self, name: str) -> Any:
        """The held-out split of that name, of the type that the metrics for these data expect."""
        return self

    def values(self) -> Mapping[str, float]:
        """The data's own numbers (mean return, exploration rate) since the last call; logged as `train/<name>`."""
        return {}

    def close(self) -> None:
        """Releases threads, files and emulators. May be called twice."""


Logged = Mapping[str, Any]  # tensors and numbers
Closure = Callable[[], Tensor | tuple[Tensor, Logged]]


class Update:
    """A loss to minimise, the part of the model that it updates, and named values to log with it.

    `yield Update(loss, "critic", gradient_penalty=penalty)`; values are numbers or scalar tensors, which are read from
    the device only when they are logged. A value may not be named loss, part or hold.

    loss: a scalar, or a closure that computes it: `Update(lambda: value(model, batch))`, for optimizers that evaluate
        the loss more than once per step (L-BFGS); every other optimizer accepts one too. It returns a scalar, or a
        scalar and values to log, as a function for `minimise` does. It may be called any number of times, so it must
        not draw random numbers or advance a `Turn` or `Lagged`. The loss and values of the first evaluation are logged,
        and the number of `evaluations`.
    hold: gradient accumulation: the gradients are kept, and the part's next update without `hold` makes one step with
        their sum (yield `loss / 4` for the mean of four). Logged as one entry: the sum of the losses, the mean of the
        values. No gradients may be held when `updates` ends.
    """

    __slots__ = ("closure", "hold", "loss", "part", "values")

    def __init__(self, loss: Tensor | Closure, part: str = "", *, hold: bool = False, **values: Tensor | float) -> None:
        self.closure = None if isinstance(loss, Tensor) else loss
        self.loss = loss if isinstance(loss, Tensor) else torch.tensor(torch.nan)  # until it is evaluated
        self.part, self.hold, self.values = part, hold, values
        if hold and self.closure is not None:
            raise UserError(f"hold takes the gradients of a loss, and that of the part {part!r} is a closure")

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Update:
        """A copy with `change` applied to the loss and to each value that is a tensor."""
        values = {name: change(value) if isinstance(value, Tensor) else value for name, value in self.values.items()}
        return Update(change(self.loss), self.part, hold=self.hold, **values)


class Loss(Stateful):
    """Yields each quantity to minimise.

    parts: the submodule paths with an optimizer each; "" is the whole model. Every weight that requires gradients
        belongs to exactly one part: an encoder that two parts share is a part of its own, lies in one of them, or is
        frozen by `requires_grad_(False)`.
    closures: whether the updates are closures, which an optimizer such as L-BFGS needs.
    compiles: the names of the methods that `--compile` compiles, for a loss that calls more of its model than the
        forward pass: pure functions of tensors and the model, without a `yield` or counters on the host. By default
        the forward pass of each part is compiled.
    """

    parts: tuple[str, ...] = ("",)
    closures: bool = False
    compiles: tuple[str, ...] = ()

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def updates(self, batch: Any) -> Iterator[Update]:
        """Yields the updates of one batch. Never yield inside `torch.no_grad()` or autocast: the mode would leak into
        the trainer."""
        raise NotImplementedError

    def product(self) -> Any:
        """What metrics and samplers receive: the model, a generator with EMA weights, a greedy policy, a sampler."""
        return self.model


def minimise(function: Callable[..., Tensor | tuple[Tensor, Logged]]) -> Callable[..., Loss]:
    """Turns `function(model, batch, *, options)` into a factory of losses.

    The function returns a scalar, or a scalar and a mapping of values to log. Its keyword-only arguments are the loss's
    options, in addition to `micro` of `Minimised`.
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
    setattr(factory, "closures", False)  # noqa: B010 (typed)
    setattr(factory, "made_by", Minimised)  # noqa: B010 (whose own options the signatures' reader adds)
    return factory


class Minimised(Loss):
    """The loss that `minimise` builds from a function.

    micro: number of micro-batches per batch: gradient accumulation, in a fraction of the memory. The loss is the mean
        of their losses; batch norm and in-batch negatives see one micro-batch at a time.
    """

    def __init__(self, model: nn.Module, function: Callable[..., Any], *, micro: PositiveInt = 1) -> None:
        super().__init__(model)
        self.function, self.micro = function, micro

    def updates(self, batch: Any) -> Iterator[Update]:
        if self.micro == 1:
            loss, values = value_and_logged(self.function(self.model, batch))
            yield Update(loss, **values)
            return
        for index, part in enumerate(split(batch, self.micro), 1):
            loss, values = value_and_logged(self.function(self.model, part))
            yield Update(loss / self.micro, hold=index < self.micro, **values)


def value_and_logged(result: Tensor | tuple[Tensor, Logged]) -> tuple[Tensor, dict[str, Any]]:
    """(loss, values to log) from the return value of a function for `minimise` or of a closure."""
    loss, values = result if isinstance(result, tuple) else (result, {})
    return loss, dict(values)


def split(batch: Any, count: int) -> Iterator[Any]:
    """Cuts a batch into `count` equal parts: tensors on axis 0, and lists and tuples with an entry for each row.

    Raises UserError where the batch cannot be divided so.
    """
    lengths = {name: len(value) if value.ndim else 0 for name, value in zip(batch._fields, batch, strict=True)
               if isinstance(value, Tensor)}  # fmt: skip
    if len({*lengths.values()}) != 1 or next(iter(lengths.values())) % count:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise UserError(f"--loss.micro {count} does not divide the batch, whose tensors have the lengths {listed}")
    rows = next(iter(lengths.values()))
    size = rows // count
    for begin in range(0, rows, size):
        yield type(batch)(*(
            value[begin : begin + size]
            if isinstance(value, Tensor) or (isinstance(value, (list, tuple)) and len(value) == rows)
            else value
            for value in batch
        ))  # fmt: skip
