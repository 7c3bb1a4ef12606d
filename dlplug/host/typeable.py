"""Whether options can be given on a command line."""

from __future__ import annotations

from dataclasses import is_dataclass

from dlplug.host.signatures import REQUIRED, Signature
from dlplug.host.source import SUPPLIED


def typeable(signature: Signature) -> Signature:
    """The same; raises TypeError for an option that no command line can give, or whose default is of another type, and
    for a group's option that has the name of another."""
    _check_names(signature)
    for option in signature.options:
        if is_dataclass(option.type):
            raise TypeError(
                f"its option {option.name} is annotated with a dataclass; @dataclass(frozen=True) makes it a group of"
                " options, but not within another group"
            )
        if option.type in (complex, dict, set, bytes, object, list, tuple):
            raise TypeError(
                f"its option {option.name} is annotated {option.type.__name__}; expected int, float, str, bool, Path, a"
                " Literal, or a tuple or list of one of them"
            )
        plain = {int: int, float: (int, float), str: str, bool: bool}.get(option.type)
        if plain and option.default is not REQUIRED and not isinstance(option.default, plain):
            raise TypeError(
                f"its option {option.name} is a {option.type.__name__}, but has the default {option.default!r}"
            )
    return signature


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
