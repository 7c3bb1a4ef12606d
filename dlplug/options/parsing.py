"""From text to typed values and to help. The only module that knows tyro."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, get_args, get_origin

from dlplug.errors import UserError
from dlplug.host.signatures import REQUIRED, Option
from dlplug.ranges import fault, ranges_of

SUFFIXES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def parse_int(text: str) -> int:
    """1000, 1_000, 1e3, 10k, 1M, 2B. Raises ValueError for anything that is not a whole number."""
    match = re.fullmatch(r"([+-]?\d+(?:_\d+)*(?:\.\d*)?(?:e[+-]?\d{1,2})?)([kmb]?)", text.strip(), re.IGNORECASE)
    value = Fraction(match[1]) * SUFFIXES[match[2].lower()] if match else Fraction(1, 2)
    if value.denominator != 1:
        raise ValueError(f"expected a whole number such as 1000, 1e3 or 10k, got {text!r}")
    return int(value)


def parse_bool(text: str) -> bool:
    """true, yes, on; false, no, off; in capitals or not."""
    if text.lower() not in WORDS:
        raise ValueError(f"expected true or false, got {text!r}")
    return WORDS[text.lower()]


def parse(options: Sequence[Option], given: Mapping[str, Any], prog: str, partly: bool = False) -> dict[str, Any]:
    """Every option's value: the given ones (text, or values as YAML has them) in its type, the others by default.

    partly: leave out an option that has no default and is not given.
    Raises UserError for a value of the wrong type or out of its range, for NaN and infinity where they are not the
    default, and for a value that is missing.
    """
    missing = [option for option in options if option.default is REQUIRED and option.name not in given]
    if missing and not partly:
        raise UserError(f"{prog} needs {flag(missing[0].name)}: {missing[0].help}")
    options = [option for option in options if option not in missing]
    tokens = [token for option in options if option.name in given for token in _tokens(option, given[option.name])]
    output = io.StringIO()
    try:
        with contextlib.redirect_stderr(output), contextlib.redirect_stdout(output):
            parsed = _cli(options, {}, tokens, prog, "")
    except SystemExit:
        raise UserError(_first_message(output.getvalue())) from None
    values = {option.name: _at(parsed, option.name) for option in options}
    for option in options:
        if values[option.name] != option.default and (wrong := fault(option.type, values[option.name])):
            raise UserError(f"{flag(option.name)} must be {wrong}")
    return values


def print_options(options: Sequence[Option], values: Mapping[str, Any], prog: str, header: str) -> None:
    """Every option with its value and what it is for."""
    with contextlib.suppress(SystemExit):
        _cli(options, values, ["--help"], prog, header)


def each_value(each: str, games: str = "") -> list[tuple[str, str]]:
    """(option, value) for each value of `--each OPTION=VALUE,VALUE`; `--games A,B` is short for data.game=A,B."""
    if each and games:
        raise UserError(f"--games {games} is --each data.game={games}: give --each alone")
    option, _, values = (each or f"data.game={games}").removeprefix("--").partition("=")
    named = [value.strip() for value in values.split(",") if value.strip()]
    if (each or games) and not (option and named):
        raise UserError(f"--each expects OPTION=VALUE,VALUE such as data.game=pong,breakout, got {each or games!r}")
    return [(option, value) for value in named]


def flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def _tokens(option: Option, value: Any) -> list[str]:
    name = flag(option.name)
    kinds = (option.type, *get_args(option.type))
    bare = isinstance(value, bool) and bool not in kinds  # `--name` alone reads as true
    if bare or (value is None and type(None) not in kinds):
        raise UserError(f"{name} needs a value")
    if any(get_origin(kind) in (tuple, list, Sequence) or kind in (tuple, list) for kind in kinds):
        return [name, *map(str, value if isinstance(value, (list, tuple)) else [value])]
    if isinstance(value, (list, tuple)):
        raise UserError(f"{name} takes one value, got {len(value)}: {' '.join(map(str, value))}")
    return [f"{name}={value}"]


def _first_message(box: str) -> str:
    """The message in the box that tyro draws, as one line."""
    lines = [line.strip("│╭╮╰╯─|+- \n") for line in re.sub(r"\x1b\[[\d;]*m", "", box).splitlines()]
    title, *rest = lines
    body = itertools.takewhile(bool, itertools.dropwhile(lambda line: not line, rest))
    return " ".join(body) or title


def _at(parsed: Any, name: str) -> Any:
    for field in map(_field, name.split(".")):
        parsed = getattr(parsed, field)
    return parsed


def _field(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _cli(options: Sequence[Option], values: Mapping[str, Any], tokens: list[str], prog: str, header: str) -> Any:
    import tyro

    registry = tyro.constructors.ConstructorRegistry()
    registry.primitive_rule(_rule(int, "INT", parse_int))
    registry.primitive_rule(_rule(bool, "{true,false}", parse_bool))
    config = (tyro.conf.FlagConversionOff, tyro.conf.SuppressFixed)
    kind = _dataclass("options", options, values)
    return tyro.cli(kind, prog=prog, description=header, args=tokens, config=config, registry=registry)


def _rule(kind: type, metavar: str, from_text: Callable[[str], Any]) -> Callable[[Any], Any]:
    """How tyro is to read values of a type."""
    import tyro

    spec = tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda texts: from_text(texts[0]),
        is_instance=lambda value: type(value) is kind,
        str_from_instance=lambda value: [str(value).lower()],
    )
    return lambda info: spec if info.type is kind else None


def _dataclass(name: str, options: Sequence[Option], values: Mapping[str, Any], prefix: str = "") -> Any:
    """A nested dataclass whose fields are the options below a prefix, as tyro wants it."""
    import tyro

    leaves: list[Any] = []
    groups: dict[str, Any] = {}
    for option in options:
        key = option.name.removeprefix(prefix)
        head, dot, _ = key.partition(".")
        if dot:
            groups.setdefault(head, [])
            groups[head].append(option)
            continue
        explained = "; ".join([option.help, *map(str, ranges_of(option.type))]).removeprefix("; ")
        note = Annotated[option.type, tyro.conf.arg(name=key, help=explained)]
        default = values.get(option.name, option.default)
        if isinstance(default, list):
            default = tuple(default)
        default = tyro.MISSING if default is REQUIRED else default
        leaves.append((_field(key), note, dataclasses.field(default=default)))
    for head, members in groups.items():
        nested: Callable[..., Any] = _dataclass(head, members, values, f"{prefix}{head}.")
        note = Annotated[nested, tyro.conf.arg(name=head, help="")]
        leaves.append((_field(head), note, dataclasses.field(default_factory=nested)))
    return dataclasses.make_dataclass(_field(name), leaves)
