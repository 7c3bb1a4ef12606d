"""From a recipe to a resolved configuration: recipe < preset < file < command line.

A configuration is one flat mapping, the same in a preset, in a YAML file, in `dlplug.run(…, {…})` and on the command
line: `data` names the registered factory, `data.game` one of its options.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlplug.advice import command
from dlplug.errors import UserError
from dlplug.host.plugins import Host
from dlplug.host.signatures import Option, read_signature
from dlplug.options.parsing import flag, parse
from dlplug.options.suggestions import check_named, meant
from dlplug.options.values import parse_int
from dlplug.ranges import NonNegativeInt, Seed
from dlplug.recipes import Recipe, Use, as_use

Config = dict[str, Any]
PLUGIN_FILES = "plugin_files"  # in config.yaml: what `-p` gave
RUN_KEYS = ("recipe", "preset", PLUGIN_FILES)
KIND_OF = {"data": "data", "model": "models", "loss": "losses", "trainer": "trainers", "metrics": "metrics"}


def recipe_options(recipe: Recipe) -> Config:
    """A recipe's own options, flat."""
    amount, unit = split_length(recipe.length)
    config: Config = {unit: amount, "seed": 0}
    for key in ("data", "model", "loss", "trainer"):
        config |= _flat(key, getattr(recipe, key))
    if isinstance(recipe.optimizer, Mapping):
        for part, optimizer in recipe.optimizer.items():
            config |= _flat(f"optimizer.{part}", optimizer)
    else:
        config |= _flat("optimizer", recipe.optimizer)
    config["metrics"] = [as_use(metric).name for metric in recipe.metrics]
    for metric in recipe.metrics:
        config |= {f"metrics.{as_use(metric).name}.{k}": v for k, v in as_use(metric).options.items()}
    return config


def split_length(length: str) -> tuple[int, str]:
    """ "10M frames" -> (10000000, "frames")."""
    amount, _, unit = length.partition(" ")
    return parse_int(amount), unit or "steps"


def resolve(
    host: Host, name: str, layers: Sequence[Mapping[str, Any]], preset: str = "", partly: bool = False
) -> Config:
    """The resolved configuration of a recipe.

    layers: flat overlays, the later over the earlier. partly: for help, without what must be given and is not.
    Raises UserError for a name that is not an option (with the nearest ones) and for a value of the wrong type.
    """
    recipe = host.recipe(name)
    config = _chosen(host, name, layers, preset)
    choices = {key: value for key, value in config.items() if key in choice_keys(recipe)}
    units = units_of(host, choices)
    length = [key for key in config if key in units]
    if not length:
        there = " or ".join(flag(unit) for unit in sorted(units))
        raise UserError(f"the length of {name} is in a unit that {choices['data']} does not count: give {there}")
    options = schema(host, choices, units)
    known = {option.name: option for option in options}
    for key in config:
        if key not in known and key not in choices:
            kinds = {choice: _kind_of(choice) for choice in choices}
            hint = meant(host, choices, kinds, key, [*known, *choices], units)
            hint = hint or f" Its options: {command('run', name, '--help')}."
            broken = host.unusable.get(("observers", key.partition(".")[0]))
            raise UserError(broken or f"{name} has no option {flag(key)}.{hint}")
    values = parse(options, _without(config, choices), f"dlplug run {name}", partly)
    return {"recipe": name, "preset": preset, length[0]: values[length[0]], **choices, **_without(values, units)}


def usual(host: Host, name: str, layer: Mapping[str, Any], preset: str = "") -> Config:
    """As `resolve`, but of a recipe's own values, which need no parsing: quick."""
    config = {"recipe": name, "preset": preset} | _chosen(host, name, [layer], preset)
    choices = {key: value for key, value in config.items() if key in choice_keys(host.recipe(name))}
    return {option.name: option.default for option in schema(host, choices, units_of(host, choices))} | config


def choose(host: Host, name: str, layers: Sequence[Mapping[str, Any]], preset: str = "") -> Config:
    """Which registered things a run would use: data, model, loss, trainer, optimizers, metrics."""
    keys = choice_keys(host.recipe(name))
    return {key: value for key, value in _chosen(host, name, layers, preset).items() if key in keys}


def choice_keys(recipe: Recipe) -> set[str]:
    """The options whose values name registered things."""
    if isinstance(recipe.optimizer, Mapping):
        return {*KIND_OF, *(f"optimizer.{part}" for part in recipe.optimizer)}
    return {*KIND_OF, "optimizer"}


def units_of(host: Host, choices: Mapping[str, Any]) -> set[str]:
    """What a length may be given in: steps, the data's own unit, and epochs where their examples have an end."""
    data = host.get("data", choices["data"]).signature()
    epochs = data.finite and "epochs" not in _unprefixed(host, "trainer", choices.get("trainer", "torch"))
    return {"steps", data.unit or "steps", "epochs" if epochs else "steps"}


def schema(host: Host, choices: Mapping[str, Any], units: Collection[str]) -> list[Option]:
    """Every option that the chosen parts have, in the order of the help."""
    options = [Option(unit, NonNegativeInt, 0, f"how long to train, in {unit}") for unit in sorted(units)]
    options.append(Option("seed", Seed, 0, "seed of all random number generators"))
    for key, name in choices.items():
        if key == "metrics":
            for metric in name:
                options += _below(f"metrics.{metric}.", host.get("metrics", metric).signature().options)
        elif name:
            kind = _kind_of(key)
            options += _below("" if kind == "trainers" else f"{key}.", host.get(kind, name).signature().options)
            if kind == "optimizers":
                options += _below(f"{key}.", read_signature("dlplug.training.stepper:Stepper").options)
    for entry in host.usable("observers"):
        options += _below(f"{entry.name}.", entry.signature().options)
    return options


def arguments(tokens: Sequence[str]) -> Config:
    """The command line's own layer: `--key value …`, `--key=value`, `--flag`, `--no-flag`."""
    given: dict[str, list[str]] = {}
    key = ""
    for token in tokens:
        if token.startswith("--"):
            key, equals, value = token[2:].partition("=")
            key = _normal(key)
            if key in given or key in RUN_KEYS:
                raise UserError(f"{flag(key)} is given twice, or where it has no place")
            given[key] = [value] if equals else []
        elif key:
            given[key].append(token)
        else:
            raise UserError(f"unexpected {token!r}; options look like --loss.gamma 0.99")
    layer: Config = {key: values[0] if len(values) == 1 else values for key, values in given.items() if values}
    for key in (key for key, values in given.items() if not values):
        stem, dot, leaf = key.rpartition(".")
        switched = f"{stem}{dot}{leaf.removeprefix('no_')}"
        if switched in layer:
            raise UserError(f"{flag(switched)} is given twice")
        layer[switched] = switched == key
    return layer


def read_file(path: str) -> Config:
    """A YAML overlay, flat (`data.game: pong`) or nested (`data: {use: atari, game: pong}`)."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Leaves yes, no, on and off words: what they mean is for the option's type to say."""

    Loader.yaml_implicit_resolvers = {
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:bool"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), Loader)
    except FileNotFoundError:
        raise UserError(f"--config {path}: no such file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"--config {path}: not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UserError(f"--config {path}: expected option: value lines, got {type(content).__name__}")
    return _flattened(content)


def for_measuring(host: Host, config: Mapping[str, Any], layer: Mapping[str, Any]) -> Config:
    """A layer over a run's configuration, as `eval` takes it: a bare `epsilon` that is no option of the run itself is
    the option of its metrics, `metrics.episodes.epsilon`. Raises UserError where two metrics have one of that name."""
    layer = _spelled(host, layer)
    return _of_metrics(host, {**config, "metrics": layer.get("metrics", config["metrics"])}, layer, bare=True)


def _chosen(host: Host, name: str, layers: Sequence[Mapping[str, Any]], preset: str) -> Config:
    """All layers, one over the other, as they were given."""
    recipe = host.recipe(name)
    if preset:
        if preset not in recipe.presets:
            there = ", ".join(recipe.presets) or "none"
            raise UserError(f"recipe {name} has no preset {preset!r}; it has: {there}")
        layers = [recipe.presets[preset].options, *layers]
    config = recipe_options(recipe)
    own = choice_keys(recipe) - {key for layer in layers for key in layer}
    named = [(_kind_of(key), used) for key in own for used in (config[key] if key == "metrics" else [config[key]])]
    check_named(host, name, named)
    for layer in layers:
        config = _overlaid(host, config, _spelled(host, layer), choice_keys(recipe))
    return config


def _overlaid(host: Host, config: Config, layer: Config, choosing: set[str]) -> Config:
    """A layer over a configuration: what was said of a part that the layer replaces goes with that part, but a length
    in a unit that the new data count too; and a length in one unit replaces one in another."""
    for key in choosing & layer.keys():
        layer[key] = _checked(key, layer[key])
        if key == "metrics":
            kept = [f"metrics.{metric}." for metric in layer[key]]
            config = {k: v for k, v in config.items() if not k.startswith("metrics.") or k.startswith(tuple(kept))}
        elif layer[key] != config[key]:
            config = _without(config, [k for k in config if k.startswith(f"{key}.")])
            gone = _unprefixed(host, key, config[key])
            config = _without(config, gone - units_of(host, layer) if key == "data" else gone)
    layer = _of_metrics(host, config | layer, layer)
    units = units_of(host, config | layer)
    lengths = [key for key in layer if key in units]
    if lengths:
        config, layer = _without(config, units), _without(layer, units - {lengths[-1]})
    return config | layer


def _unprefixed(host: Host, key: str, name: str) -> set[str]:
    """The options of a part that do not stand below its name: the trainer's, and the unit of the data."""
    if key == "trainer":
        return {option.name for option in host.get("trainers", name).signature().options}
    return units_of(host, {"data": name}) - {"steps"} if key == "data" else set()


def _checked(key: str, value: Any) -> Any:
    """A choice is a name, and metrics are a list of them."""
    if key == "metrics":
        value = [value] if isinstance(value, str) else value
        if isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value):
            return list(value)
        raise UserError(f"--metrics expects the names of metrics, got {value!r}")
    if not isinstance(value, str):
        raise UserError(f"{flag(key)} expects the name of one thing that `{command('list', _kind_of(key))}` shows")
    return value


def _spelled(host: Host, layer: Mapping[str, Any]) -> Config:
    """A layer with options spelled by _, and an observer's name standing for its first option: `wandb` is
    `wandb.mode`."""
    spelled = {_normal(key): value for key, value in layer.items() if key not in RUN_KEYS}
    for entry in host.usable("observers"):
        name, options = _normal(entry.name), entry.signature().options
        if name in spelled and options:
            spelled[f"{entry.name}.{options[0].name}"] = spelled.pop(name)
    return spelled


def _of_metrics(host: Host, config: Mapping[str, Any], layer: Config, bare: bool = False) -> Config:
    """A layer with a metric's name standing for its first option, as an observer's does, and, if `bare`, an option of a
    metric without its name. What the run itself calls so comes first."""
    own = {"seed", "steps", "optimizer", *KIND_OF}
    own |= _unprefixed(host, "trainer", config["trainer"]) | _unprefixed(host, "data", config["data"])
    meant: dict[str, list[str]] = {key: [] for key in layer if "." not in key and key not in own}
    for metric in _checked("metrics", config["metrics"]):
        options = [option.name for option in host.get("metrics", metric).signature().options]
        for key, names in meant.items():
            if key == _normal(metric):
                names += [f"metrics.{metric}.{name}" for name in options[:1]]
            elif bare and key in options:
                names.append(f"metrics.{metric}.{key}")
    for key, names in meant.items():
        if len(names) > 1:
            raise UserError(f"{flag(key)} is an option of several metrics: give {' or '.join(map(flag, names))}")
        if names and names[0] in layer:
            raise UserError(f"{flag(key)} and {flag(names[0])} are the same option: give one of them")
    return {next(iter(meant.get(key, ())), key): value for key, value in layer.items()}


def _below(prefix: str, options: Iterable[Option]) -> list[Option]:
    return [dataclasses.replace(option, name=prefix + option.name) for option in options]


def _flat(key: str, value: Use | str) -> Config:
    used = as_use(value)
    prefix = "" if key == "trainer" else f"{key}."
    return {key: used.name} | {_normal(prefix + option): v for option, v in used.options.items()}


def _flattened(content: Mapping[str, Any], prefix: str = "") -> Config:
    flat: Config = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}".removesuffix(".use")] = value
    return flat


def _without(config: Mapping[str, Any], keys: Collection[str]) -> Config:
    return {key: value for key, value in config.items() if key not in keys}


def _kind_of(key: str) -> str:
    return KIND_OF.get(key, "optimizers")


def _normal(key: str) -> str:
    """Options are spelled with - or _; names of plugins' things (`metrics.top-5.k`) keep theirs."""
    head, dot, leaf = key.rpartition(".")
    return f"{head}{dot}{leaf.replace('-', '_')}"
