"""The student's file: loaded, compared with the stub, and named with its line in what is said of an error."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from dlplug import UserError
from dlplug.errors import one_line
from dlplug.testing import described

MODULE = "dlplug_answer"


class Answer:
    """A student's function as it is called: counts its calls, and keeps what it was passed and what it returned, for
    messages.

    calls: number of calls.
    """

    def __init__(self, path: Path, function: Callable[..., Any]) -> None:
        self.path, self.function = path, function
        self.calls = 0
        self.passed: tuple[tuple[Any, ...], dict[str, Any]] = (), {}
        self.returned: Any = None

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        self.passed = arguments, named
        self.returned = self.function(*arguments, **named)
        return self.returned

    @property
    def name(self) -> str:
        return self.function.__name__

    def arguments(self) -> str:
        """What it was last passed: "reward a tensor (3,), discount a tensor (3,)"."""
        try:
            named = inspect.signature(self.function).bind(*self.passed[0], **self.passed[1]).arguments
        except TypeError:
            return ""
        return ", ".join(f"{name} {described(value)}" for name, value in named.items() if name != "self")

    def blamed(self, error: BaseException) -> str:
        """An error in a line: where in the student's file, or after which result of it."""
        line = line_in(self.path, error)
        if isinstance(error, NotImplementedError) and line:
            return f"{self.path}, line {line}: {self.name} is not written yet"
        if isinstance(error, RecursionError):
            return f"{self.path}: {self.name} calls itself without end, or the plugin's own, which it stands in for"
        if isinstance(error, AssertionError) and not line:
            return f"{self.path}: {' '.join(str(error).split())}"
        if line:
            passed = self.arguments()
            return f"{self.path}, line {line}: {one_line(error)}{f' (called with {passed})' if passed else ''}"
        after = f"after {self.name} returned {described(self.returned)}" if self.calls else "before the first call"
        return f"{self.path}: {one_line(error)}, {after}"


def load(path: Path, name: str, own: Callable[..., Any], exercise: str) -> Answer:
    """The function `name` of a student's file. Raises UserError for a file that is missing, does not run, or has no
    such function with the signature of the plugin's own."""
    module = _executed(path, exercise)
    function = getattr(module, name, None)
    if not inspect.isfunction(function):
        others = [n for n, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == MODULE]
        found = f"; it has {', '.join(others)}" if others else ""
        raise UserError(f"{path} has no function {name}{found}: keep the stub's name")
    mine, theirs = _parameters(own), _parameters(function)
    if mine != theirs:
        raise UserError(f"{path}: keep the stub's signature, {name}({', '.join(mine)}); yours is "
                        f"{name}({', '.join(theirs)})")  # fmt: skip
    return Answer(path, function)


def _executed(path: Path, exercise: str) -> ModuleType:
    if not path.is_file():
        raise UserError(f"there is no {path} here; `exercise start {exercise}` writes it")
    module = ModuleType(MODULE)
    module.__file__ = str(path)
    sys.modules[MODULE] = module  # dataclasses look for it
    try:
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), vars(module))
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text in UTF-8: {error}") from error
    except (Exception, SystemExit) as error:
        raise UserError(f"{path}, line {line_in(path, error)}: {one_line(error)}") from error
    return module


def _parameters(function: Callable[..., Any]) -> list[str]:
    """As they are written, without annotations: "beta", "power=…", "*", "*rest"."""
    written: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        plain = parameter.replace(annotation=parameter.empty)
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in "".join(written):
            written.append("*")
        written.append(str(plain))
    return written


def line_in(path: Path, error: BaseException) -> int | None:
    """The last line of a file that an error passed through; None where it came from elsewhere."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)
