"""From a recipe to a resolved configuration: recipe < preset < file < command line. The only module that knows tyro.

A configuration is one flat mapping, the same in a preset, in a YAML file, in `dlplug.run(…, {…})` and on the command
line: `data` names the registered factory, `data.game` one of its options.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from dlplug.errors import UserError, nearest
from dlplug.plugins import Host
from dlplug.recipes import Recipe, Use, as_use
from dlplug.signatures import REQUIRED, Option, read_signature

Config = dict[str, Any]
RUN_KEYS = ("recipe", "preset")


def recipe_options(recipe: Recipe) -> Config:
    """A recipe's own options, flat."""
    amount, unit = split_length(recipe.length)
    flat: Config = {unit: amount, "seed": 0}
    for key in ("data", "model", "loss", "trainer"):
        flat |= _flat(key, getattr(recipe, key))
    if isinstance(recipe.optimizer, Mapping):
        for part, optimizer in recipe.optimizer.items():
            flat |= _flat(f"optimizer.{part}", optimizer)
    else:
        flat |= _flat("optimizer", recipe.optimizer)
    flat["metrics"] = [as_use(metric).name for metric in recipe.metrics]
    for metric in recipe.metrics:
        flat |= {f"metrics.{as_use(metric).name}.{k}": v for k, v in as_use(metric).options.items()}
    return flat


def split_length(length: str) -> tuple[int, str]:
    """ "10M frames" -> (10000000, "frames")."""
    amount, _, unit = length.partition(" ")
    return parse_int(amount), unit or "steps"


def parse_int(text: str) -> int:
    """1000, 1_000, 1e3, 10k, 1M, 2B. Raises ValueError for anything that is not a whole number."""
    match = re.fullmatch(r"([+-]?[\d_.]+(?:[eE][+-]?\d+)?)([kKmMbB]?)", text.strip())
    if match is None:
        raise ValueError(f"expected a whole number such as 1000, 1e3 or 10k, got {text!r}")
    value = float(match[1]) * {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}[match[2].lower()]
    if value != int(value):
        raise ValueError(f"expected a whole number, got {text!r}")
    return int(match[1].replace("_", "")) if re.fullmatch(r"[+-]?[\d_]+", text.strip()) else int(value)


def resolve(host: Host, name: str, layers: Sequence[Mapping[str, Any]], preset: str = "") -> Config:
    """The resolved configuration of a recipe. layers: flat overlays, the later over the earlier.

    Raises UserError for a name that is not an option (with the nearest ones) and for a value of the wrong type.
    """
    recipe = host.recipe(name)
    chosen: Config = {}
    if preset:
        if preset not in recipe.presets:
            there = ", ".join(recipe.presets) or "none"
            raise UserError(f"recipe {name} has no preset {preset!r}; it has: {there}")
        layers = [recipe.presets[preset].options, *layers]
    base = recipe_options(recipe)
    layers = [{_normal(key): value for key, value in layer.items() if key not in RUN_KEYS} for layer in layers]
    for layer in layers:
        chosen |= layer
    choices = {key: value for key, value in (base | chosen).items() if _is_choice(key, base)}
    if isinstance(choices["metrics"], str):
        choices["metrics"] = [choices["metrics"]]
    units = units_of(host, choices)
    base = {key: value for key, value in base.items() if _still_meant(key, base, choices)}
    lengths = [unit for layer in [base, *layers] for unit in layer if unit in units]
    if not lengths:
        raise UserError(f"{name} is {recipe.length} long, but {choices['data']} counts only {', '.join(units)}")
    # a length in one unit replaces an earlier one in another
    base, chosen = (_without(config, units - {lengths[-1]}) for config in (base, chosen))
    options = schema(host, choices, units)
    known = {option.name: option for option in options}
    for key in chosen:
        if key not in known and key not in choices:
            raise UserError(f"{name} has no option {_flag(key)}.{_nearest_flags(key, [*known, *choices])}")
    given = {key: value for key, value in (base | chosen).items() if key not in choices and value is not None}
    values = _parse(options, given, f"dlplug run {name}")
    length = {lengths[-1]: values[lengths[-1]]}
    if length[lengths[-1]] < 0:
        raise UserError(f"--{lengths[-1]}: a length must not be negative, got {length[lengths[-1]]}")
    return {"recipe": name, "preset": preset, **length, **choices, **_without(values, units)}


def units_of(host: Host, choices: Mapping[str, Any]) -> set[str]:
    """What a length may be given in: steps, and the data's own unit."""
    return {"steps", read_signature(host.get("data", choices["data"]).target).unit or "steps"}


def schema(host: Host, choices: Mapping[str, Any], units: Collection[str]) -> list[Option]:
    """Every option that the chosen parts have, in the order of the help."""
    options = [Option(unit, int, 0, f"how long to train, in {unit}") for unit in sorted(units)]
    options.append(Option("seed", int, 0, "of everything random"))
    for key, name in choices.items():
        if key == "metrics":
            for metric in name:
                options += _options(host, "metrics", metric, f"metrics.{metric}.")
        elif name:
            kind = _kind_of(key)
            options += _options(host, kind, name, "" if kind == "trainers" else f"{key}.")
            if kind == "optimizers":
                options += _options_of("dlplug.optim:Stepper", f"{key}.")
    for entry in host.entries("observers"):
        options += _options_of(entry.target, f"{entry.name}.")
    return options


def arguments(tokens: Sequence[str], host: Host) -> Config:
    """The command line's own layer: `--key value …`, `--key=value`, `--flag`, `--no-flag`.

    An observer's first option answers to the observer's name: `--wandb offline` is `--wandb.mode offline`.
    """
    layer: Config = {}
    key = ""
    for token in tokens:
        if token.startswith("--"):
            key, equals, value = token[2:].partition("=")
            key = _normal(key)
            if key in layer:
                raise UserError(f"{_flag(key)} is given twice")
            layer[key] = [value] if equals else []
        elif key:
            layer[key].append(token)
        else:
            raise UserError(f"unexpected {token!r}; options look like --loss.gamma 0.99")
    layer = {key: values if len(values) != 1 else values[0] for key, values in layer.items()}
    for entry in host.entries("observers"):
        if entry.name in layer:
            layer[f"{entry.name}.{read_signature(entry.target).options[0].name}"] = layer.pop(entry.name)
    for key in [key for key in layer if layer[key] == []]:
        del layer[key]
        stem, _, leaf = key.rpartition(".")
        if leaf.startswith("no_"):
            layer[f"{stem}.{leaf[3:]}".lstrip(".")] = False
        elif key.startswith("no_"):
            layer[key[3:]] = False
        else:
            layer[key] = True
    return layer


def read_file(path: str) -> Config:
    """A YAML overlay, flat (`data.game: pong`) or nested (`data: {use: atari, game: pong}`)."""
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"--config {path}: no such file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"--config {path}: not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UserError(f"--config {path}: expected option: value lines, got {type(content).__name__}")
    return _flattened(content)


def print_help(host: Host, name: str, config: Config, header: str) -> None:
    """Every option of a recipe with its value under this configuration."""
    choices = choices_of(host, name, config)
    with contextlib.suppress(SystemExit):
        _cli(schema(host, choices, units_of(host, choices)), config, ["--help"], f"dlplug run {name}", header)


def choices_of(host: Host, name: str, config: Config) -> Config:
    """Which registered things a configuration chooses: data, model, loss, trainer, optimizers, metrics."""
    base = recipe_options(host.recipe(name))
    return {key: value for key, value in config.items() if _is_choice(key, base)}


def _options(host: Host, kind: str, name: str, prefix: str) -> list[Option]:
    return _options_of(host.get(kind, name).target, prefix)


def _options_of(target: Any, prefix: str) -> list[Option]:
    return [dataclasses.replace(o, name=prefix + o.name) for o in read_signature(target).options]


def _flat(key: str, value: Use | str) -> Config:
    used = as_use(value)
    prefix = "" if key == "trainer" else f"{key}."
    return {key: used.name} | {prefix + option: v for option, v in used.options.items()}


def _flattened(content: Mapping[str, Any], prefix: str = "") -> Config:
    flat: Config = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}".removesuffix(".use")] = value
    return flat


def _without(config: Config, keys: Collection[str]) -> Config:
    return {key: value for key, value in config.items() if key not in keys}


def _kind_of(key: str) -> str:
    return {"data": "data", "model": "models", "loss": "losses", "trainer": "trainers"}.get(key, "optimizers")


def _is_choice(key: str, base: Config) -> bool:
    if key in ("data", "model", "loss", "trainer", "metrics", "optimizer"):
        return key in base
    return key.startswith("optimizer.") and key.count(".") == 1 and "optimizer" not in base and key in base


def _still_meant(key: str, base: Config, choices: Mapping[str, Any]) -> bool:
    """A recipe's option of a part is dropped with the part that it was meant for."""
    if key.startswith("metrics."):
        return key.split(".")[1] in choices["metrics"]
    owners = [choice for choice in choices if key.startswith(f"{choice}.")]
    return all(choices[owner] == base[owner] for owner in owners)


def _normal(key: str) -> str:
    """Options are spelled with - or _; names of plugins' things (`metrics.top-5.k`) keep theirs."""
    head, dot, leaf = key.rpartition(".")
    return f"{head}{dot}{leaf.replace('-', '_')}"


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def _nearest_flags(key: str, names: Sequence[str]) -> str:
    leaf = key.rpartition(".")[2]
    same = [name for name in names if name.rpartition(".")[2] == leaf]
    return f" Did you mean {' or '.join(map(_flag, same))}?" if same else nearest(_flag(key), map(_flag, names))


def _parse(options: Sequence[Option], given: Config, prog: str) -> Config:
    tokens: list[str] = []
    for key, value in given.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        tokens += [f"--{key}", *map(str, values)]
    required = [o for o in options if o.default is REQUIRED and o.name not in given]
    if required:
        raise UserError(f"{prog} needs {_flag(required[0].name)}: {required[0].help}")
    output = io.StringIO()
    try:
        with contextlib.redirect_stderr(output), contextlib.redirect_stdout(output):
            parsed = _cli(options, {}, tokens, prog, "")
    except SystemExit:
        raise UserError(_first_message(output.getvalue())) from None
    return {option.name: _at(parsed, option.name) for option in options}


def _first_message(box: str) -> str:
    """The message in the box that tyro draws, as one line."""
    lines = [line.strip("│╭╮╰╯─|+- \n") for line in re.sub(r"\x1b\[[\d;]*m", "", box).splitlines()]
    title, *rest = [line or None for line in lines]
    body = list(
        itertools.takewhile(lambda line: line is not None, itertools.dropwhile(lambda line: line is None, rest))
    )
    return " ".join(line for line in body if line) or title or "an option has a wrong value"


def _at(parsed: Any, name: str) -> Any:
    for field in map(_field, name.split(".")):
        parsed = getattr(parsed, field)
    return parsed


def _field(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _cli(options: Sequence[Option], values: Config, tokens: list[str], prog: str, header: str) -> Any:
    import tyro

    registry = tyro.constructors.ConstructorRegistry()
    registry.primitive_rule(_int_rule)
    config = (tyro.conf.FlagConversionOff, tyro.conf.SuppressFixed)
    kind = _dataclass("options", options, values)
    return tyro.cli(kind, prog=prog, description=header, args=tokens, config=config, registry=registry)


def _int_rule(info: Any) -> Any:
    import tyro

    if info.type is not int:
        return None
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT",
        instance_from_str=lambda texts: parse_int(texts[0]),
        is_instance=lambda value: type(value) is int,
        str_from_instance=lambda value: [str(value)],
    )


def _dataclass(name: str, options: Sequence[Option], values: Config, prefix: str = "") -> Any:
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
        note = Annotated[option.type, tyro.conf.arg(name=key, help=option.help or None)]
        default = values.get(option.name, option.default)
        if isinstance(default, list):
            default = tuple(default)
        leaves.append((_field(key), note, dataclasses.field(default=None if default is REQUIRED else default)))
    for head, members in groups.items():
        nested: Callable[..., Any] = _dataclass(head, members, values, f"{prefix}{head}.")
        note = Annotated[nested, tyro.conf.arg(name=head)]
        leaves.append((_field(head), note, dataclasses.field(default_factory=nested)))
    return dataclasses.make_dataclass(_field(name), leaves)
