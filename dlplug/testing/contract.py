"""Checks that data and losses keep the contract, for their authors' tests; `dlplug.testing` has them all."""

from __future__ import annotations

import copy
import functools
import tempfile
from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlplug.contracts import Data, Loss, Update, value_and_logged
from dlplug.state import Stateful
from dlplug.training import checkpoint
from dlplug.training.checks import check_parts


def check_data(data: Data, model: Any, count: int = 3, *, fresh: Data | None = None) -> None:
    """Checks that batches are flat NamedTuples of tensors on the model's device; that the state can be saved and
    loaded; that after a stop at any of the first `count` batches fresh data restore the state and, where `exact`, yield
    the same batches; and that no plain attribute changes without being saved.

    data: newly built; copies of them play the data that another process builds to resume.
    fresh: data built in the same way, for data that cannot be copied; used for the last stop alone.
    """
    assert data.spec.input, "spec.input is the shape of one input"
    assert data.splits, "splits names what is held out"
    assert not data.finite or data.steps_per_epoch() > 0, "finite data have steps_per_epoch() batches in each epoch"
    unused = None if fresh else copy.deepcopy(data)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    data.meet(model)
    built, batches, states = attributes(data), [], []
    for batch in islice(data.batches(model), 2 * count):
        assert torch.is_grad_enabled(), "the data yield inside torch.no_grad(): the mode leaks into the trainer"
        fields = getattr(batch, "_fields", None)
        assert fields is not None, f"a batch is a flat NamedTuple, got {type(batch)}"
        for field, value in zip(fields, batch, strict=True):
            if isinstance(value, Tensor):
                assert value.device.type == device.type, f"{field} is on {value.device}, the model on {device}"
        batches.append(copy.deepcopy([*batch]))  # data may fill the same tensors again
        states.append(through_a_file(data.state_dict()))
    for stop in range(1, count + 1) if unused else [count]:
        resumed, state = fresh or copy.deepcopy(unused), states[stop - 1]
        assert resumed is not None
        resumed.meet(model)
        resumed.load_state_dict(state)
        assert_same(through_a_file(resumed.state_dict()), state, f"the state of fresh data after loading it ({stop})")
        if data.exact:
            for one, other in zip(batches[stop:], islice(resumed.batches(model), count), strict=False):
                assert_same(one, [*other], f"batches after loading the data's state ({stop})")
    check_nothing_lost(data, built)


def check_loss(loss: Loss, batch: Any, *, fresh: Loss | None = None) -> list[Update]:
    """Checks that each update is a finite scalar; that together the updates of a part depend on all of its trainable
    weights; that a closure returns the same value twice; that no gradients are held at the end; that the state can be
    saved and loaded into a fresh loss; and that no plain attribute changes without being saved. Returns the updates.

    loss: newly built; a copy of it plays the loss that another process builds to resume.
    fresh: a loss built in the same way, for a loss that cannot be copied.
    """
    fresh = fresh or copy.deepcopy(loss)
    built, updates, held, reached = attributes(loss), [], set[str](), dict[str, set[str]]()
    check_parts(loss, type(loss).__name__)
    for update in loss.updates(batch):
        assert torch.is_grad_enabled(), "the loss yields inside torch.no_grad(): the mode leaks into the trainer"
        assert not torch.is_autocast_enabled("cpu"), "the loss yields inside autocast: the mode leaks into the trainer"
        assert update.part in loss.parts, f"the loss moves {update.part!r}, which is not among its parts {loss.parts}"
        if update.closure is not None:
            assert loss.closures, "an update is a closure, and the loss has not `closures = True`"
            (update.loss, _), (again, _) = (value_and_logged(update.closure()) for _ in range(2))
            assert_same(update.loss.detach(), again.detach(), "two evaluations of a closure")
        assert update.loss.ndim == 0, f"a loss to minimise is a scalar, got {tuple(update.loss.shape)}"
        assert bool(update.loss.isfinite()), f"the loss is {update.loss}"
        weights = trainable(loss, update.part)
        gradients = torch.autograd.grad(update.loss, [*weights.values()], allow_unused=True)
        used = {name for name, gradient in zip(weights, gradients, strict=True) if gradient is not None}
        assert used, f"the loss does not depend on its part {update.part!r}"
        reached.setdefault(update.part, set()).update(used)
        held = held | {update.part} if update.hold else held - {update.part}
        updates.append(update)
    assert not held, f"the gradients of {held} are held when the updates end"
    for part, used in reached.items():
        idle = trainable(loss, part).keys() - used
        assert not idle, f"no gradient reaches {', '.join(sorted(idle))}: use it, or freeze it by requires_grad_(False)"
    state = through_a_file(loss.state_dict())
    fresh.load_state_dict(state)
    assert_same(through_a_file(fresh.state_dict()), state, "the state of a fresh loss after loading it")
    check_nothing_lost(loss, built)
    return updates


def trainable(loss: Loss, part: str) -> dict[str, nn.Parameter]:
    """The weights that a part's updates may move, by name."""
    weights = loss.model.get_submodule(part).named_parameters()
    return {name: weight for name, weight in weights if weight.requires_grad}


def attributes(holder: Stateful) -> dict[str, Any]:
    """Copies of an object's plain attributes: numbers, strings, tensors, arrays, and collections of them; for any other
    attribute its type. Values of a `cached_property` are left out."""
    kind = type(holder)
    own = [name for name in vars(holder) if not isinstance(getattr(kind, name, None), functools.cached_property)]
    return {name: _plain_copy(getattr(holder, name)) for name in own if name != "model"}


def check_nothing_lost(holder: Stateful, built: Mapping[str, Any]) -> None:
    """Checks that no plain attribute has changed since the object was built, except those that `remembers` and
    `forgets` name. built: the `attributes` of the object when it was built."""
    allowed = holder.remembered() | holder.forgotten()
    for name, value in attributes(holder).items():
        if name not in allowed:
            try:
                assert_same(value, built[name], "")
            except (AssertionError, KeyError):
                raise AssertionError(
                    f"{type(holder).__name__}.{name} changed and is lost in a restart: name it in `remembers` or, if"
                    " that is intended, in `forgets`"
                ) from None


def _plain_copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy()) if value.dtype.kind in "biuf" else value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain_copy(member) for key, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        return [_plain_copy(member) for member in value]
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    return type(value)


def through_a_file(state: Any) -> Any:
    """A state after saving and loading it. Raises TypeError for anything but tensors, numbers and strings."""
    with tempfile.TemporaryDirectory() as folder:
        torch.save(checkpoint.plain(state), f"{folder}/state.pt")
        return torch.load(f"{folder}/state.pt", weights_only=True)


def assert_same(one: Any, other: Any, what: str) -> None:
    """Asserts that two values are equal bit for bit, in mappings and sequences too. what: their name in messages."""
    if isinstance(one, Tensor):
        assert isinstance(other, Tensor), f"{what}: tensor against {type(other).__name__}"
        same = (
            one.shape == other.shape and one.dtype == other.dtype and torch.equal(one.nan_to_num(), other.nan_to_num())
        )
        assert same, f"{what} differ: {one.flatten()[:4].tolist()}… against {other.flatten()[:4].tolist()}…"
    elif isinstance(one, Mapping):
        assert one.keys() == other.keys(), f"{what}: {sorted(map(str, one))} against {sorted(map(str, other))}"
        for key in one:
            assert_same(one[key], other[key], f"{what}: {key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), f"{what}: lengths {len(one)} and {len(other)}"
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{what}[{index}]")
    else:
        assert one == other, f"{what}: {one!r} against {other!r}"
