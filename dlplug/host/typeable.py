"""Whether options can be given on a command line."""

from __future__ import annotations

from dlplug.host.signatures import REQUIRED, Signature


def typeable(signature: Signature) -> Signature:
    """The same; raises TypeError for an option that no command line can give, or whose default is of another type."""
    for option in signature.options:
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
