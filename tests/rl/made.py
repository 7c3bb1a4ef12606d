"""Players from their options as the command line has them, flat."""

from __future__ import annotations

from typing import Any, TypeVar

from dlplug.host.signatures import inspected

Kind = TypeVar("Kind")


def made(kind: type[Kind], *, seed: int = 0, **options: Any) -> Kind:
    signature = inspected(kind)
    assert options.keys() <= {option.name for option in signature.options}
    return kind(**signature.arguments(options), seed=seed)
