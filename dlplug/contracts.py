"""What plugins provide and the trainer asks for: a `Data` gives batches, a `Loss` yields what it wants minimised.

The whole contract, in the order in which a trainer meets it:

    for step, batch in zip(range(start, steps), data.batches(loss.model)):
        for update in loss.updates(batch):
            steppers[update.part].step(update.loss)

When control returns to the loss after a `yield`, the part that the update named has moved. Program order is training
order, so an alternating loss (a GAN's) needs no branch in any trainer.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from dlplug.state import Stateful


@dataclass(frozen=True)
class Spec:
    """What a model must know of the data to be built. A plugin may add fields in a subclass.

    input: shape of one input without the batch axis, such as (1, 28, 28), or (4, 84, 84) for stacked frames.
    output: how many numbers are wanted: classes, actions, or the size of a vocabulary.
    mean, deviation: of the raw input, for the model to standardise by: numbers, one for each channel, or tensors that
        broadcast with an input. The model keeps them as buffers, so that a checkpoint carries them.
    names: what the outputs are called (classes, actions), for tables and pictures.
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
    """Gives batches; most data ignore the model, a player acts with it.

    spec: what a model is built from.
    unit, count: the data's own unit ("frames", "tokens", "images") and how many have been used. A subclass that
        sets a unit advances `count` itself, before it yields. "" where the step is unit enough.
    limit: the count at which the run ends, where its length is in the data's unit. The trainer sets it before
        `batches`, which may end there: data that give no batch for long (a player that first fills its replay) look.
    splits: what can be held out. Training watches the first; the last is read by `eval` and `verify` alone.
    protocol: what a measurement on the held-out data means ("sticky actions 0.25, full episodes"), told with the score.
    distributed: False where the processes that torchrun starts would not get equal shares of each batch, or act with
        the model, each for itself.
    exact: False where something cannot be saved (an emulator): `resume` then says that this part starts afresh.

    training_options: the options that change how it is learnt and not what is measured on the held-out data. A recipe's
        target holds whatever they are; with another value of any other option, a run is not judged by it.

    A factory that names `seed` among its keyword arguments is given the run's. It is the same in every process of a
    distributed run: data that draw at random add `distributed.rank()` to it, and `Order` takes its share by itself.
    """

    spec: Spec
    unit: str = ""
    count: int = 0
    limit: int | None = None
    splits: tuple[str, ...] = ("eval",)
    protocol: str = ""
    distributed: bool = True
    exact: bool = True
    training_options: tuple[str, ...] = ("batch_size",)
    remembers = ("count",)

    def batches(self, model: nn.Module) -> Iterator[Any]:
        """A stream of flat NamedTuples whose tensors are on the model's device, endless but for `limit`.

        What must survive a restart lives in attributes that `state_dict` knows, brought up to date before the
        `yield`; never in this generator's locals.
        """
        raise NotImplementedError

    def split(self, name: str) -> Any:
        """The held-out data of that name, as this plugin's metrics expect it."""
        return self

    def values(self) -> Mapping[str, float]:
        """Numbers of its own (mean return, exploration rate) since it was last asked; logged as `train/<name>`."""
        return {}

    def close(self) -> None:
        """Lets go of threads, files and emulators. May be called twice."""


class Update:
    """One loss to minimise, the part of the model that it may move, and named values to log beside it.

    `yield Update(loss, "critic", gradient_penalty=penalty)`; values may be scalar tensors: nothing is read from the
    device before it is time to log.
    """

    __slots__ = ("loss", "part", "values")

    def __init__(self, loss: Tensor, part: str = "", **values: Tensor | float) -> None:
        self.loss, self.part, self.values = loss, part, values


class Loss(Stateful):
    """Yields each loss to be minimised. `parts` are the submodule paths that get an optimizer each."""

    parts: tuple[str, ...] = ("",)

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def updates(self, batch: Any) -> Iterator[Update]:
        """Never yield inside `torch.no_grad()` or autocast: the mode would leak into the trainer."""
        raise NotImplementedError

    def product(self) -> Any:
        """What the loss makes to be used and measured: the model, an averaged generator, a greedy policy, a sampler."""
        return self.model


def minimise(function: Callable[..., Tensor | tuple[Tensor, Mapping[str, Tensor]]]) -> Callable[..., Loss]:
    """Makes a factory of losses out of `function(model, batch, *, options)`.

    The function returns a scalar, or a scalar and a mapping of values to log. Its keyword-only arguments become the
    loss's options.
    """

    signature = inspect.signature(function)

    @functools.wraps(function)
    def factory(model: nn.Module, **options: Any) -> Loss:
        signature.bind(None, None, **options)  # a wrong option is an error here, not at the first batch
        return _Minimised(model, functools.partial(function, **options))

    options = [p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    model = inspect.Parameter("model", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    setattr(factory, "__signature__", signature.replace(parameters=[model, *options]))  # noqa: B010 (typed)
    return factory


class _Minimised(Loss):
    def __init__(self, model: nn.Module, function: Callable[..., Any]) -> None:
        super().__init__(model)
        self.function = function

    def updates(self, batch: Any) -> Iterator[Update]:
        result = self.function(self.model, batch)
        loss, values = result if isinstance(result, tuple) else (result, {})
        yield Update(loss, **values)


class Turn:
    """True at every n-th call. A counter on the host, saved with the run; `peek` tells without counting, so that a
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


class Lagged(nn.Module):
    """A copy of a model that follows it: a target network (rate 1, every n calls) or averaged weights (rate 1 - decay).

    It never requires gradients and stays in eval mode. Buffers that are not floating point are copied.
    """

    def __init__(self, model: nn.Module, rate: float = 1.0, every: int = 1) -> None:
        super().__init__()
        if not 0.0 < rate <= 1.0:
            raise ValueError(f"rate must be in (0, 1], got {rate}")
        self.module = copy.deepcopy(model).requires_grad_(False).eval()
        self.rate, self.turn = rate, Turn(every)
        self.training = False

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def train(self, mode: bool = True) -> Lagged:
        return self

    @torch.no_grad()
    def follow(self, model: nn.Module) -> None:
        """θ' ← θ' + rate · (θ - θ') at every n-th call."""
        if not self.turn():
            return
        lagged, leading = _tensors(self.module), _tensors(model)
        floating = [i for i, tensor in enumerate(lagged) if tensor.is_floating_point()]
        if self.rate < 1.0 and floating:
            torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                [lagged[i] for i in floating], [leading[i] for i in floating], self.rate
            )
        for i, (mine, theirs) in enumerate(zip(lagged, leading, strict=True)):
            if self.rate == 1.0 or i not in floating:
                mine.copy_(theirs)

    def get_extra_state(self) -> dict[str, int]:
        return self.turn.state_dict()

    def set_extra_state(self, state: Any) -> None:
        self.turn.load_state_dict(state)


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


class Sampler(Protocol):
    """Shows what a product does: media and numbers by name, a text, or a generator of a text's pieces, which are shown
    as they come (what it returns is kept like the rest). Options that have a name and a default are the command's:
    `dlplug sample RUN --count 64`.

    Called in eval mode, without gradients (a sampler that needs them enables them itself) and with everything random
    seeded by `seed`, which is also given to a sampler that names it, as is the `run` whose folder it may look into.
    """

    def __call__(self, product: Any, data: Any, **options: Any) -> Mapping[str, Any] | str | Iterator[str]: ...


class Metric(Protocol):
    """Measures a product on held-out data: a mapping of short names ("accuracy") to numbers or media.

    Called in eval mode, without gradients and with the random state put back afterwards; the core writes the split's
    name before each of the metric's ("test/accuracy"). A text named "protocol" among them says by what protocol they
    were measured, where that is more than, or other than, the data's.

    `checked_by` has its options looked at before the first step; `neutral_options` names those with which no number
    changes, so that a recipe's target holds whatever they are.
    """

    def __call__(self, product: Any, data: Any, **options: Any) -> Mapping[str, Any]: ...
