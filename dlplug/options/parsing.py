"""Values of options in their types, from the text of a command line or as YAML and Python have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlplug.errors import UserError
from dlplug.host.signatures import REQUIRED, Option
from dlplug.options.values import alternatives, is_sequence, read
from dlplug.ranges import fault


def parse(options: Sequence[Option], values: Mapping[str, Any], prog: str, partly: bool = False) -> dict[str, Any]:
    """Every option in its type: from `values` (text, or as YAML has them), else by default.

    prog: the command, for errors. partly: leave out an option that has neither a value nor a default.
    Raises UserError for a value of the wrong type or out of its range, for NaN and infinity where they are not the
    default, and for a value that is missing.
    """
    missing = [option for option in options if option.default is REQUIRED and option.name not in values]
    if missing and not partly:
        raise UserError(f"{prog} needs {flag(missing[0].name)}: {missing[0].help}")
    return {
        option.name: _parsed(option, values[option.name]) if option.name in values else option.default
        for option in options
        if option not in missing
    }


def flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def words_of(options: Mapping[str, Any]) -> list[str]:
    """Options as one would type them."""
    words: list[str] = []
    for key, value in options.items():
        if isinstance(value, bool):
            head, dot, leaf = key.rpartition(".")
            words.append(flag(key if value else f"{head}{dot}no-{leaf}"))
        elif isinstance(value, (list, tuple)):
            words += [flag(key), *map(str, value)]
        elif str(value).startswith("--"):
            words.append(f"{flag(key)}={value}")
        else:
            words += [flag(key), str(value)]
    return words


def _parsed(option: Option, value: Any) -> Any:
    name = flag(option.name)
    try:
        parsed = read(option.type, _texts(option, value))
    except ValueError as error:
        raise UserError(f"{name}: {error}") from None
    if parsed != option.default and (wrong := fault(option.type, parsed)):
        raise UserError(f"{name} must be {wrong}")
    return parsed


def _texts(option: Option, value: Any) -> list[str]:
    """A value as it would be typed."""
    name, kinds = flag(option.name), alternatives(option.type)
    bare = isinstance(value, bool) and bool not in kinds  # `--name` alone reads as true
    if bare or (value is None and type(None) not in kinds):
        raise UserError(f"{name} needs a value")
    if not isinstance(value, (list, tuple)):
        return [str(value)]
    if not any(map(is_sequence, kinds)):
        raise UserError(f"{name} takes one value, got {len(value)}: {' '.join(map(str, value))}")
    return list(map(str, value))
