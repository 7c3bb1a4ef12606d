"""The checks of options, for `check_plugin`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dlplug.errors import UserError
from dlplug.host.plugins import Host
from dlplug.host.signatures import REQUIRED, Option
from dlplug.host.typeable import PLAIN, plain_kinds
from dlplug.options.layers import choose, resolve
from dlplug.options.parsing import parse
from dlplug.options.parts import schema


def check_options(what: str, options: Sequence[Option]) -> None:
    """Checks that each option's type can be written on a command line, and that its default is of that type. what: the
    name of the factory in messages."""
    for option in options:
        assert all(kind in PLAIN for kind in plain_kinds(option.type)), (
            f"{what}: the option {option.name} is annotated {option.type}; expected int, float, str, bool, Path, a"
            " Literal, None, or a tuple or a list of them"
        )
    defaults = {option.name: option.default for option in options if option.default is not REQUIRED}
    try:
        parsed = parse([replace(option, default=REQUIRED) for option in options], defaults, what, partly=True)
    except UserError as error:
        raise AssertionError(f"{what} has a default that is not of its option's type: {error}") from None
    for name, default in defaults.items():
        assert _listed(parsed[name]) == _listed(default), f"{what}: {name} has the default {default!r} of another type"


def lacking(host: Host, name: str, layers: Sequence[Mapping[str, Any]] = (), preset: str = "") -> list[str]:
    """The required options that neither the recipe nor the layers set: a run must set them."""
    config = resolve(host, name, layers, preset, partly=True)
    options = schema(host, choose(host, name, layers, preset))
    return [option.name for option in options if option.default is REQUIRED and option.name not in config]


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else str(value) if isinstance(value, Path) else value
