"""Errors a user can cause: one clear line, never a traceback."""

from __future__ import annotations

from collections.abc import Iterable


class UserError(Exception):
    """Says what was wrong, what was expected and the nearest right thing, in one line."""


class Diverged(UserError):
    """A loss or a weight is not finite."""


class Interrupted(UserError):
    """A command was asked to stop; the message says what it has completed."""


class MetricFailed(UserError):
    """A metric raised an exception, or returned a value that is neither a number nor media."""


def nearest(name: str, names: Iterable[str]) -> str:
    """' Did you mean pong or pooyan?', or a list of all names if there are at most 12, or ''."""
    import difflib

    names = sorted(names)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or [n for n in names if name and name in n][:3]
    if close:
        return f" Did you mean {' or '.join(close)}?"
    return f" There are: {', '.join(names)}." if 0 < len(names) <= 12 else ""


def one_line(error: BaseException) -> str:
    """The last line of a traceback, where the message itself may have several."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")


def message_of(error: BaseException) -> str:
    """An exception's message in one line, for a sentence that says what failed; its type's name if it has none."""
    return " ".join(str(error).split()) or type(error).__name__
