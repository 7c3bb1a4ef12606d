"""What is passed to `dlplug.run` itself rather than by a registered name: `dlplug.run("digits", {"model": Net})`.

A configuration names it "module:qualname", by which it is imported when the run is opened again.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import logging
import operator
import sys
from collections.abc import Callable
from typing import Any

from dlplug.errors import UserError
from dlplug.host.local_modules import modules_of_this_folder

log = logging.getLogger("dlplug")


def name_of(value: Any) -> str:
    """ "module:qualname" of a class or function. Raises UserError for anything else."""
    if not (inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, functools.partial)):
        raise UserError(
            f"expected a name, or a class or function that builds it, got a {type(value).__name__}:"
            " pass the class, or lambda: the object"
        )
    while isinstance(value, functools.partial):
        value = value.func
    return f"{value.__module__}:{value.__qualname__}"


def imported(kind: str, name: str) -> Any:
    """What a configuration names "module:qualname". Raises UserError where it cannot be imported."""
    module, _, path = name.partition(":")
    try:
        if module.partition(".")[0] in sys.stdlib_module_names:  # a configuration may be a stranger's
            raise ImportError(f"{module} is Python's own")
        with modules_of_this_folder():
            found = operator.attrgetter(path)(importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        where = "a notebook or script" if module == "__main__" else module
        raise UserError(
            f"the {kind} {path} of {where} cannot be imported here ({error}): pass it again, as in"
            f' dlplug.resume(RUN, {{"{kind}": {path.rpartition(".")[2]}}}), or define it in a module of this folder'
        ) from None
    log.info(f"with the {kind} {name}, which is not a plugin's")
    return found


def factory(kind: str, value: Callable[..., Any]) -> Callable[..., Any]:
    """The factory that a class or function stands for: a model is built from the data's spec only where it takes
    something that has no default; a loss may be a function of a model and a batch."""
    positional = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [p for p in inspect.signature(value).parameters.values() if p.kind in positional]
    if kind == "models" and not any(p.default is p.empty for p in parameters):
        return lambda spec, **options: value(**options)
    if kind == "losses" and not inspect.isclass(value) and len(parameters) > 1:
        from dlplug.contracts import minimise

        return minimise(value)
    return value
