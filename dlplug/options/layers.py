"""From a recipe to a resolved configuration: recipe < preset < file < command line.

A configuration is one flat mapping, the same in a preset, in a YAML file, in `dlplug.run(…, {…})` and on the command
line: `data` names the registered factory, `data.game` one of its options. It is resolved once: all layers choose the
parts, and what the layers say of these is laid one over the other, in the types that their signatures give.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from dlplug.errors import UserError
from dlplug.host.plugins import Host
from dlplug.options.parsing import flag, parse
from dlplug.options.parts import KIND_OF, check_closures, choice_keys, kind_of, schema, units_of, unprefixed
from dlplug.options.reading import RUN_KEYS, Config, normal
from dlplug.options.suggestions import suggestion
from dlplug.options.values import parse_int
from dlplug.output import command
from dlplug.recipes import Recipe, Use, as_use


def resolve(
    host: Host, name: str, layers: Sequence[Mapping[str, Any]], preset: str = "", partly: bool = False
) -> Config:
    """The resolved configuration of a recipe.

    layers: flat overlays, the later over the earlier. partly: for help, without what must be given and is not.
    Raises UserError for a name that is not an option (with the nearest ones) and for a value of the wrong type.
    """
    choices, config = _merged(host, name, layers, preset)
    units = units_of(host, choices)
    length = next((key for key in config if key in units), "")
    if not length:
        flags = " or ".join(map(flag, sorted(units)))
        raise UserError(f"the length of {name} is in a unit that {choices['data']} does not count: give {flags}")
    options = schema(host, choices)
    known = [option.name for option in options]
    for key in config:
        if key not in known:
            if broken := host.unusable.get(("observers", key.partition(".")[0])):
                raise UserError(broken)
            hint = suggestion(host, choices, key, [*known, *choices], units)
            hint = hint or f" Its options: {command('run', name, '--help')}."
            raise UserError(f"{name} has no option {flag(key)}.{hint}")
    values = parse(options, config, f"dlplug run {name}", partly)
    if not partly:
        check_closures(host, choices)
    return {"recipe": name, "preset": preset, length: values[length], **choices, **_without(values, units)}


def recipe_config(host: Host, name: str, layer: Mapping[str, Any], preset: str = "") -> Config:
    """As `resolve`, but of a recipe's own values, which need no parsing: quick."""
    choices, config = _merged(host, name, [layer], preset)
    defaults = {option.name: option.default for option in schema(host, choices)}
    return {**defaults, "recipe": name, "preset": preset, **choices, **config}


def choose(host: Host, name: str, layers: Sequence[Mapping[str, Any]], preset: str = "") -> Config:
    """Which registered things a run would use: data, model, loss, trainer, optimizers, metrics."""
    return _merged(host, name, layers, preset)[0]


def evaluation_layer(host: Host, config: Mapping[str, Any], layer: Mapping[str, Any]) -> Config:
    """A layer over a run's configuration, as `eval` takes it: a bare `epsilon` that is no option of the run itself is
    the option of its metrics, `metrics.episodes.epsilon`. Raises UserError where two metrics have one of that name."""
    layer = _normalised(host, layer)
    return _qualified(host, {**config, "metrics": layer.get("metrics", config["metrics"])}, layer, bare=True)


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


def _merged(host: Host, name: str, layers: Sequence[Mapping[str, Any]], preset: str) -> tuple[Config, Config]:
    """The parts that all layers together choose, and the options of these and of the run, unparsed. A length in one
    unit replaces one in another."""
    recipe = host.recipe(name)
    if preset and preset not in recipe.presets:
        raise UserError(f"recipe {name} has no preset {preset!r}; it has: {', '.join(recipe.presets) or 'none'}")
    preset_layer = [recipe.presets[preset].options] if preset else []
    stack = [_normalised(host, layer) for layer in (recipe_options(recipe), *preset_layer, *layers)]
    choices_after = _choices_after_each(stack, choice_keys(recipe))
    choices, config = choices_after[-1], {}
    _check_registered(host, name, _without(choices, {key for layer in stack[1:] for key in layer}))
    for place, layer in enumerate(stack):
        units = units_of(host, choices_after[place])
        for key, value in _qualified(host, choices_after[place], layer).items():
            if key in units:
                config = _without(config, units)
            if key not in choices and not _replaced(host, key, choices_after[place:]):
                config[key] = value
    return choices, config


def _choices_after_each(stack: Sequence[Config], keys: set[str]) -> list[Config]:
    """The parts that are chosen once each layer has been laid over those below it."""
    choices = [{key: _checked_choice(key, value) for key, value in layer.items() if key in keys} for layer in stack]
    return list(itertools.accumulate(choices, operator.or_))


def _check_registered(host: Host, recipe: str, choices: Config) -> None:
    """Raises UserError where a recipe itself names what is not registered."""
    for key, value in choices.items():
        kind = kind_of(key)
        for name in value if key == "metrics" else [value]:
            if name and name not in host.names(kind):
                try:
                    host.get(kind, name)
                except UserError as error:
                    plugin = host.get("recipes", recipe).plugin
                    raise UserError(f"recipe {recipe!r} of {plugin} does not work: {error}") from None


def _replaced(host: Host, key: str, choices_after: Sequence[Config]) -> bool:
    """Whether an option is of a part that a later layer has replaced; but not a length in a unit that the new data
    count too. choices_after: the option's own layer and each later one."""
    for before, after in itertools.pairwise(choices_after):
        for part in (part for part in before if before[part] != after[part]):
            if part == "metrics":
                if any(key.startswith(f"metrics.{metric}.") for metric in {*before[part]} - {*after[part]}):
                    return True
            elif key.startswith(f"{part}."):
                return True
            elif key in unprefixed(host, part, before[part]):
                return part == "trainer" or key not in units_of(host, after)
    return False


def _checked_choice(key: str, value: Any) -> Any:
    """The name that chooses a part, or the list of names that chooses the metrics. Raises UserError."""
    if key == "metrics":
        value = [value] if isinstance(value, str) else value
        if isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value):
            return list(value)
        raise UserError(f"--metrics expects the names of metrics, got {value!r}")
    if not isinstance(value, str):
        raise UserError(f"{flag(key)} expects the name of one thing that `{command('list', kind_of(key))}` shows")
    return value


def _normalised(host: Host, layer: Mapping[str, Any]) -> Config:
    """A layer with options spelled by _, and an observer's name standing for its first option: `wandb` is
    `wandb.mode`."""
    normalised = {normal(key): value for key, value in layer.items() if key not in RUN_KEYS}
    for entry in host.usable("observers"):
        name, options = normal(entry.name), entry.signature().options
        if name in normalised and options:
            normalised[f"{entry.name}.{options[0].name}"] = normalised.pop(name)
    return normalised


def _qualified(host: Host, config: Mapping[str, Any], layer: Config, bare: bool = False) -> Config:
    """A layer with a metric's name standing for its first option, as an observer's does, and, if `bare`, an option of a
    metric without its name. What the run itself calls so comes first."""
    own = {"seed", "steps", "optimizer", *KIND_OF}
    own |= unprefixed(host, "trainer", config["trainer"]) | unprefixed(host, "data", config["data"])
    full_names: dict[str, list[str]] = {key: [] for key in layer if "." not in key and key not in own}
    for metric in _checked_choice("metrics", config["metrics"]) if full_names else ():
        options = [option.name for option in host.get("metrics", metric).signature().options]
        for key, names in full_names.items():
            if key == normal(metric):
                names += [f"metrics.{metric}.{name}" for name in options[:1]]
            elif bare and key in options:
                names.append(f"metrics.{metric}.{key}")
    for key, names in full_names.items():
        if len(names) > 1:
            raise UserError(f"{flag(key)} is an option of several metrics: give {' or '.join(map(flag, names))}")
        if names and names[0] in layer:
            raise UserError(f"{flag(key)} and {flag(names[0])} are the same option: give one of them")
    return {next(iter(full_names.get(key, ())), key): value for key, value in layer.items()}


def _flat(key: str, value: Use | str) -> Config:
    used = as_use(value)
    prefix = "" if key == "trainer" else f"{key}."
    return {key: used.name} | {normal(prefix + option): v for option, v in used.options.items()}


def _without(config: Mapping[str, Any], keys: Collection[str]) -> Config:
    return {key: value for key, value in config.items() if key not in keys}
