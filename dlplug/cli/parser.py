"""The command-line parser of every verb: argparse, with errors of one line, options that only a recipe knows, and what
completion may offer."""

from __future__ import annotations

import argparse
import functools
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from dlplug.errors import UserError, nearest
from dlplug.options.help import Layout
from dlplug.options.reading import arguments
from dlplug.output import command

HELP = ("-h", "--help")
EVERYWHERE = "-p and --debug work with every verb: dlplug --help."

Verb = Callable[..., int]


class CommandParser(argparse.ArgumentParser):
    """`CommandParser("dlplug report", description=…)`. Raises UserError for what it does not take.

    subject, about: "RUN" and what that is, for a verb whose first word names a recipe or a run and whose further
        options are those of the recipe: they become `flags.run` and `flags.options`.
    optional: whether it may be missing, and `flags.run` be "".
    """

    def __init__(
        self, prog: str, *, subject: str = "", about: str = "", optional: bool = False, **settings: Any
    ) -> None:
        if subject:
            settings["usage"] = f"{prog} {subject} [FLAG …] [--OPTION VALUE …]"
            settings["description"] = f"{settings.get('description', '')}\n\n{subject}: {about}"
        defaults = {"formatter_class": Layout, "allow_abbrev": False, "epilog": EVERYWHERE}
        super().__init__(prog, **defaults | settings)
        self.subject, self.about, self.optional = subject, about, optional
        self._optionals.title = "flags"  # options are those of recipes
        self.register("action", None, _Once)
        self.register("action", "store", _Once)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        if not self.subject:
            return super().parse_args(args, namespace)
        flags, name, words = self.split(args)
        if not (name or self.optional):
            raise UserError(f"{self.prog} needs a {self.subject}: {self.about}")
        setattr(flags, self.subject.lower(), name)
        flags.options = arguments(words)
        return flags

    def split(self, args: Sequence[str] | None) -> tuple[Any, str, list[str]]:
        """The flags, the name of the recipe or run ("" where there is none), and the words of options."""
        flags, words = self.parse_known_args(args)
        named = bool(words) and not words[0].startswith("-")
        return flags, words[0] if named else "", words[named:]

    def offers(self, words: Sequence[str]) -> tuple[str, list[str]]:
        """What may follow the words after the verb: the metavar of a value ("" for a flag), and the values or flags
        that the parser knows."""
        flags = {name: action for action in self._actions for name in action.option_strings}
        previous = flags.get(words[-1]) if words else None
        if previous is not None and previous.nargs != 0:
            return str(previous.metavar or ""), list(map(str, previous.choices or ()))
        positionals = [action for action in self._actions if not action.option_strings]
        positional = positionals[min(len(words), len(positionals) - 1)] if positionals else None
        metavar = str(positional.metavar) if positional else self.subject
        values = list(map(str, (positional and positional.choices) or ()))
        names = [name for name in flags if name.startswith("--") and name not in HELP]
        if positional and positional.nargs in ("*", "+"):
            return metavar, values + names
        return (metavar, values) if metavar and len(words) < max(1, len(positionals)) else ("", names)

    def error(self, message: str) -> NoReturn:
        """What argparse found wrong, in one line that names the nearest right thing."""
        text = message.removeprefix("argument ")
        if unknown := re.fullmatch(r"unrecognized arguments: (.*)", message):
            word = unknown[1].split()[0]
            known = [name for action in self._actions for name in action.option_strings if name not in HELP]
            hint = nearest(word, known) if word.startswith("-") else ""
            shows = f" `{command(*self.prog.split()[1:], '--help')}` shows what it takes."
            raise UserError(f"{self.prog} does not take {unknown[1]!r}.{hint or shows}")
        if wrong := re.fullmatch(r"(.+?): invalid choice: '(.*)' \(choose from (.*)\)", text):
            choices = [choice.strip(" '") for choice in wrong[3].split(",")]
            hint = nearest(wrong[2], choices)
            raise UserError(f"{self.prog}: {wrong[1]} cannot be {wrong[2]!r}.{hint or f' There are: {wrong[3]}.'}")
        text = re.sub(r"(.+): expected (one|at least one) argument", r"\1 needs a value", text)
        text = re.sub(r"invalid int value: (.*)", r"expected a whole number, got \1", text)
        text = re.sub(r"the following arguments are required: (.*)", r"needs a \1", text)
        raise UserError(f"{self.prog}{' ' if text.startswith('needs') else ': '}{text}")


def parsed_by(
    parser: Callable[[], CommandParser], explain: Callable[..., None] | None = None
) -> Callable[[Verb], Verb]:
    """Makes a verb of a function of parsed flags, `function(flags)` or `function(flags, host)`: it answers --help, and
    completion knows its flags.

    parser: builds the parser. explain: prints the help where a recipe or run is named, by the parser and the same
        arguments as the function.
    """

    def decorate(function: Verb) -> Verb:
        @functools.wraps(function)
        def verb(argv: Sequence[str], *host: Any) -> int:
            built, words = parser(), [word for word in argv if word not in HELP]
            if len(words) == len(argv):
                return function(built.parse_args(words), *host)
            if explain is not None and built.split(words)[1]:
                explain(built, built.parse_args(words), *host)
            else:
                built.print_help()
            return 0

        verb.parser = parser  # type: ignore[attr-defined]
        return verb

    return decorate


def whole(text: str) -> int:
    """The type of a flag that is a number of things."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)


class _Once(argparse.Action):
    """Stores a value; argparse's own keeps the last of several in silence."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        if option_string and getattr(namespace, self.dest, self.default) is not self.default:
            raise UserError(f"{option_string} is given twice")
        setattr(namespace, self.dest, values)
