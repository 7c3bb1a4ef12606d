"""One function in place of another, wherever that is referred to, and only for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any


@contextlib.contextmanager
def in_place_of(own: FunctionType, other: Callable[..., Any]) -> Iterator[None]:
    """Calls of `own` in this process call `other` meanwhile.

    The code of the function object is replaced, not a module's attribute: tables, partial functions, subclasses and
    modules that imported it by name refer to the object, and all of them are reached.
    """

    def stand_in(*arguments: Any, _other: Any = None, **named: Any) -> Any:
        return _other(*arguments, **named)

    before = own.__code__, own.__defaults__, own.__kwdefaults__
    own.__code__, own.__defaults__, own.__kwdefaults__ = stand_in.__code__, None, {"_other": other}
    try:
        yield
    finally:
        own.__code__, own.__defaults__, own.__kwdefaults__ = before
