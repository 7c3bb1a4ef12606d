"""Whether options can be given on a command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from dlplug.host.signatures import REQUIRED, Signature
from dlplug.host.source import SUPPLIED

PLAIN = (int, float, str, bool, Path, type(None))


def check_typeable(signature: Signature) -> None:
    """Raises TypeError for an option that no command line can give, or whose default is of another type, and for a
    group's option that has the name of another."""
    _check_names(signature)
    for option in signature.options:
        if is_dataclass(option.type):
            raise TypeError(
                f"its option {option.name} is annotated with a dataclass; @dataclass(frozen=True) makes it a group of"
                " options, but not within another group"
            )
        if not all(kind in PLAIN for kind in plain_kinds(option.type)):
            named = option.type if get_args(option.type) else getattr(option.type, "__name__", option.type)
            raise TypeError(
                f"its option {option.name} is annotated {named}; expected int, float, str, bool, Path, a"
                " Literal, or a tuple or list of one of them"
            )
        plain = {int: int, float: (int, float), str: str, bool: bool}.get(option.type)
        if plain and option.default is not REQUIRED and not isinstance(option.default, plain):
            raise TypeError(
                f"its option {option.name} is a {option.type.__name__}, but has the default {option.default!r}"
            )


def _check_names(signature: Signature) -> None:
    names = [option.name for option in signature.options]
    for group in signature.groups:
        for name in group.options:
            if name in SUPPLIED:
                raise TypeError(f"its group {group.name} has the field {name}, which is the factory's to take")
            if names.count(name) > 1:
                other = next((g.name for g in signature.groups if name in g.options and g is not group), "")
                where = f"its groups {group.name} and {other}" if other else f"itself and in its group {group.name}"
                raise TypeError(f"it has the option {name} twice: in {where}")


def plain_kinds(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of: those of PLAIN, and any other as it stands."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        yield from map(type, inside)
    elif origin is Annotated:
        yield from plain_kinds(inside[0])
    elif origin in (Union, UnionType, tuple, list, Sequence) and inside:
        for argument in inside:
            yield from () if argument is Ellipsis else plain_kinds(argument)
    else:
        yield annotation
