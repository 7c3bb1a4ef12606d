"""The words of a command: takes its own flags and values out of them; what is left are options of a recipe."""

from __future__ import annotations

from collections.abc import Iterable

from dlplug.advice import command
from dlplug.errors import UserError


def whole(text: str, flag: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"{flag} expects a whole number from 1, got {text!r}")
    return int(text)


def take_flag(arguments: list[str], name: str) -> bool:
    """Takes a flag out of the arguments."""
    found = name in arguments
    while name in arguments:
        arguments.remove(name)
    return found


def take_value(arguments: list[str], name: str) -> str:
    """Takes `--name value` or `--name=value` out of the arguments; "" where it is not given."""
    for index, argument in enumerate(arguments):
        if argument == name:
            if index + 1 == len(arguments):
                raise UserError(f"{name} needs a value")
            del arguments[index]
            return arguments.pop(index)
        if argument.startswith(f"{name}="):
            return arguments.pop(index).partition("=")[2]
    return ""


def plugin_options(arguments: list[str]) -> list[str]:
    options = []
    while option := take_value(arguments, "-p"):
        options.append(option)
    return options


def first(arguments: list[str], verb: str, what: str, names: Iterable[str]) -> str:
    """The first word. names: examples of it, the best first."""
    if not arguments or arguments[0].startswith("-"):
        example = next(iter(names), "")
        meant = (
            f", as in `{command(verb, example)}`" if example else ": a run folder, or a recipe's name for its newest"
        )
        raise UserError(f"dlplug {verb} needs a {what}{meant}")
    return arguments.pop(0)


def nothing_more(arguments: list[str], verb: str) -> None:
    if arguments:
        raise UserError(
            f"dlplug {verb} does not take {' '.join(arguments)!r}; `{command('--help')}` shows what it takes"
        )


def one(arguments: list[str], verb: str, what: str) -> str:
    if len(arguments) != 1:
        raise UserError(f"dlplug {verb} takes one {what}, got {len(arguments)}")
    return arguments[0]
