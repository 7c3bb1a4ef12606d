"""An exercise names a function that a student writes. Plain values only: listing exercises imports no torch."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlplug.recipes import Target


@dataclass(frozen=True)
class Exercise:
    """A function of a plugin that a student writes: it is checked, then a recipe is trained with it in place of the
    plugin's own.

    summary: what the function computes, in a line.
    function: the plugin's own, "package.module:function" or "package.module:Class.method". Its signature and docstring
        become the stub, its lines the solution, and the recipe must call it. A plain function: without a decorator that
        wraps it.
    check: function(written), or a lazy reference to it: computes what the student's function `written` should return by
        the slow, obvious method, and raises AssertionError with names, shapes and numbers. `dlplug.testing` has
        `called` and `assert_close` for it.
    recipe, options: a registered recipe, and the options that shorten its training to less than a minute on a CPU.
    target: what the recipe must still reach with the student's function: a number that the run itself measures.
    hints: shown one at a time, from the idea to the details.
    level: difficulty, by which lists are sorted, as that of recipes.
    minutes: approximate training time on a CPU.
    """

    summary: str
    function: str | Callable[..., Any]
    check: str | Callable[..., Any]
    recipe: str
    target: Target
    options: Mapping[str, Any] = field(default_factory=dict)
    hints: Sequence[str] = ()
    level: int = 3
    minutes: float = 0.5


def loaded(reference: str | Callable[..., Any]) -> Callable[..., Any]:
    """A function, or the one that "package.module:function" or "package.module:Class.method" names."""
    if not isinstance(reference, str):
        return reference
    module, _, name = reference.partition(":")
    return functools.reduce(getattr, name.split("."), importlib.import_module(module))  # type: ignore[arg-type, return-value]
