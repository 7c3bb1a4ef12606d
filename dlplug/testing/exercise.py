"""What the checks of exercises are written with, and the check of an exercise itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlplug.exercises import loaded
from dlplug.host.plugins import Host, load_host
from dlplug.options.layers import resolve

MOST = 6  # numbers that a message shows of a tensor


def called(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What a student's function returns. Raises AssertionError where it changes a tensor or an array in place that it
    was passed."""
    passed = [*enumerate(arguments, 1), *named.items()]
    before = [(name, _copy(value)) for name, value in passed if isinstance(value, (Tensor, np.ndarray))]
    result = function(*arguments, **named)
    for name, copy in before:
        now = dict(passed)[name]
        which = f"argument {name}" if isinstance(name, int) else f"its argument {name}"
        assert torch.equal(torch.as_tensor(now), torch.as_tensor(copy)), (
            f"the function changes {which} in place, which its caller still needs: compute a new tensor"
        )
    return result


def assert_close(got: Any, expected: Any, what: str, *, tolerance: float = 1e-5) -> None:
    """Raises AssertionError unless what a student's function returned is of the type and shape of `expected` and equal
    to it within the tolerance, absolute and relative. The message has the place of the largest difference.

    expected: a tensor, an array, a number, or a tuple of these. what: what was computed, for the message.
    """
    if isinstance(expected, tuple):
        right = isinstance(got, tuple) and len(got) == len(expected)
        assert right, f"{what}: expected {len(expected)} values, {described(expected)}; got {described(got)}"
        for number, (one, other) in enumerate(zip(got, expected, strict=True), 1):
            assert_close(one, other, f"{what}, value {number} of {len(expected)}", tolerance=tolerance)
        return
    kind = Tensor if isinstance(expected, Tensor) else np.ndarray if isinstance(expected, np.ndarray) else object
    same_kind = isinstance(got, kind) and not (kind is object and isinstance(got, (type(None), str)))
    forgotten = " (is a `return` missing?)" if got is None else ""
    assert same_kind, f"{what}: expected {described(expected)}, got {described(got)}{forgotten}"
    one, other = _numbers(got), _numbers(expected)
    assert one.shape == other.shape, f"{what}: expected {described(expected)}, got {described(got)}"
    apart = np.abs(one - other)
    wrong = ~(apart <= tolerance * (1 + np.abs(other)))  # NaN is wrong
    if wrong.any():
        worst = np.unravel_index(np.where(wrong, np.nan_to_num(apart, nan=np.inf), -1).argmax(), apart.shape)
        place = f" at [{', '.join(map(str, worst))}]" if worst else ""
        many = f" ({wrong.sum()} of {wrong.size} numbers differ)" if wrong.size > 1 else ""
        raise AssertionError(f"{what}: expected {other[worst]:.6g}{place}, got {one[worst]:.6g}{many}")


def described(value: Any) -> str:
    """A value's type and shape, and its numbers if they are few."""
    if isinstance(value, (tuple, list)) and not all(isinstance(item, (int, float)) for item in value):
        return f"{type(value).__name__} of {', '.join(map(described, value))}"
    if not isinstance(value, (Tensor, np.ndarray)):
        return repr(value) if isinstance(value, (int, float, str, tuple, list, type(None))) else type(value).__name__
    name = "a tensor" if isinstance(value, Tensor) else "an array"
    size = int(np.prod(value.shape))
    numbers = f" = {_listed(_numbers(value))}" if size <= MOST else ""
    return f"{name} {tuple(value.shape)}{numbers}"


def _listed(numbers: Any) -> str:
    rounded = [float(f"{number:.4g}") for number in numbers.flatten()]
    return str(rounded if numbers.ndim else rounded[0])


def _numbers(value: Any) -> np.ndarray[Any, Any]:
    return np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value, dtype=np.float64)


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value.copy()


def check_exercise(name: str, wrong: Sequence[Callable[..., Any]] = (), host: Host | None = None) -> list[str]:
    """Checks that an exercise's check accepts the plugin's own function and refuses wrong ones, and that its recipe
    resolves with its options. Returns what the check says of the wrong ones."""
    host = host or load_host()
    exercise = host.exercise(name)
    assert exercise.hints, f"exercise {name} has no hints"
    assert exercise.target.stated, f"exercise {name}: its target needs a finite bar"
    resolve(host, exercise.recipe, [exercise.options], partly=True)
    function = loaded(exercise.function)
    assert inspect.isfunction(function), f"exercise {name}: {exercise.function} is no plain function"
    assert function.__closure__ is None, f"exercise {name}: {exercise.function} has a decorator that wraps it"
    check = loaded(exercise.check)
    check(function)
    said = []
    for other in wrong:
        try:
            check(other)
        except AssertionError as error:
            said.append(str(error))
            continue
        raise AssertionError(f"exercise {name}: its check accepts {other.__name__}")
    return said
