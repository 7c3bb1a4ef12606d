"""Which attributes of an object are saved with a run, and how each is saved and restored."""

from __future__ import annotations

import functools
from collections import namedtuple
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlplug.errors import UserError

NAMED = "NamedTuple"  # in what is saved of one, the key of its name


class Stateful:
    """Saves and restores every attribute that has a `state_dict` or is a random number generator, lists, tuples and
    dicts of them, and the plain attributes that `remembers` names, here or in a base class. The attribute `model` is
    left out: the trainer saves its weights separately.

    remembers: names of plain attributes to save (numbers, strings, tensors, arrays, and lists or dicts of them).
    forgets: names of plain attributes that change and are not saved (a cache, a value derived from others);
        `check_data` and `check_loss` fail for any other attribute that changes and is not remembered.
    """

    remembers: tuple[str, ...] = ()
    forgets: tuple[str, ...] = ()

    def state_dict(self) -> dict[str, Any]:
        """Copies of the plain attributes, and the `state_dict` of the others."""
        saved = {name: _save(value) for name, value in self._stateful().items()}
        return saved | {name: _copy(getattr(self, name)) for name in self.remembered()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores tensors in place, on their device. Raises UserError where the state lacks a key that this object
        saves, or has one that it does not restore."""
        stateful, remembered = self._stateful(), self.remembered()
        _check_names(type(self).__name__, state, {*stateful, *remembered}, self.state_dict().keys())
        for name, value in stateful.items():
            _load(value, state[name], f"{type(self).__name__}.{name}")
        for name in remembered:
            setattr(self, name, _restored(getattr(self, name, None), state[name]))

    def _stateful(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "model" and _is_stateful(value)}

    def remembered(self) -> dict[str, None]:
        return self._named("remembers")

    def forgotten(self) -> dict[str, None]:
        return self._named("forgets")

    def _named(self, list_of: str) -> dict[str, None]:
        """The names in `remembers` or `forgets` of the class and its bases, bases first, each once."""
        classes = [vars(kind).get(list_of, ()) for kind in reversed(type(self).__mro__)]
        return dict.fromkeys(name for names in [*classes, getattr(self, list_of)] for name in names)


def _check_names(owner: str, state: Mapping[Any, Any], needed: Iterable[Any], known: Iterable[Any]) -> None:
    lacking, unknown = set(needed) - state.keys(), state.keys() - set(known)
    for names, problem in ((lacking, "lacks"), (unknown, "has unknown keys:")):
        if names:
            raise UserError(f"the saved state of {owner} {problem} {', '.join(sorted(map(str, names)))}")


def _members(value: list[Any] | tuple[Any, ...] | dict[Any, Any]) -> dict[Any, Any]:
    return value if isinstance(value, dict) else dict(enumerate(value))


def _is_stateful(value: object, depth: int = 2) -> bool:
    """Whether a value has state to save: also a list, tuple or dict of such values, nested at most twice."""
    if isinstance(value, (list, tuple, dict)):
        return depth > 0 and any(_is_stateful(member, depth - 1) for member in _members(value).values())
    if isinstance(value, (torch.Generator, np.random.Generator)):
        return True
    return not isinstance(value, type) and callable(getattr(value, "state_dict", None))


def _stateful_members(value: list[Any] | tuple[Any, ...] | dict[Any, Any]) -> dict[Any, Any]:
    return {key: member for key, member in _members(value).items() if _is_stateful(member)}


def _save(value: Any) -> Any:
    if isinstance(value, torch.Generator):
        return value.get_state()
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if isinstance(value, (list, tuple, dict)):
        return {key: _save(member) for key, member in _stateful_members(value).items()}
    return value.state_dict()


def _load(value: Any, state: Any, where: str) -> None:
    if isinstance(value, torch.Generator):
        value.set_state(state)
    elif isinstance(value, np.random.Generator):
        value.bit_generator.state = state
    elif isinstance(value, (list, tuple, dict)):
        members = _stateful_members(value)
        _check_names(where, state, members, members)
        for key, member in members.items():
            _load(member, state[key], f"{where}[{key!r}]")
    else:
        value.load_state_dict(state)


def _copy(value: Any) -> Any:
    """A copy that is independent of the original. A NamedTuple is saved as a dict of its type's name and its fields,
    as no file may name a class; it is restored as a NamedTuple with the same names."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Mapping):
        return {key: _copy(member) for key, member in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        fields: tuple[str, ...] = getattr(value, "_fields")  # noqa: B009 (a plain tuple has none)
        return {NAMED: type(value).__name__, **{name: _copy(getattr(value, name)) for name in fields}}
    if isinstance(value, (list, tuple)):
        return (list if isinstance(value, list) else tuple)(map(_copy, value))
    return value


@functools.cache
def _namedtuple(name: str, *fields: str) -> type:
    return namedtuple(name, fields)


def _restored(current: Any, saved: Any) -> Any:
    """The saved value, converted to the type of the current one, and in place where that is a tensor."""
    if isinstance(saved, Tensor):
        if isinstance(current, np.ndarray):
            return saved.numpy().copy()
        if not isinstance(current, Tensor):
            return saved.clone()
        if current.shape != saved.shape or current.dtype != saved.dtype:
            return saved.to(current.device, copy=True)
        with torch.no_grad():
            return current.copy_(saved)
    if isinstance(saved, Mapping) and NAMED in saved:
        fields = {name: member for name, member in saved.items() if name != NAMED}
        alike = getattr(current, "_fields", None) == (*fields,)
        kind = type(current) if alike else _namedtuple(saved[NAMED], *fields)
        return kind(*(_restored(getattr(current, name) if alike else None, m) for name, m in fields.items()))
    if isinstance(saved, Mapping):
        old = current if isinstance(current, Mapping) else {}
        return {key: _restored(old.get(key), member) for key, member in saved.items()}
    if isinstance(saved, (list, tuple)):
        old = [*current] if isinstance(current, (list, tuple)) else []
        parts = [_restored(one, other) for one, other in zip([*old, *[None] * len(saved)], saved, strict=False)]
        if isinstance(current, tuple) and hasattr(current, "_fields"):
            return type(current)(*parts)
        return type(saved)(parts)
    return saved
