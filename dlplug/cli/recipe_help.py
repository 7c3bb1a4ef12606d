"""What `dlplug run` says of recipes: every option of one by --help, and an example where none is named."""

from __future__ import annotations

from typing import Any

from dlplug.claims.durations import quickest
from dlplug.cli.parser import CommandParser
from dlplug.errors import UserError
from dlplug.host.plugins import Host
from dlplug.options.help import add_options, typed
from dlplug.options.layers import resolve
from dlplug.options.parts import choice_keys, schema, units_of
from dlplug.output import command
from dlplug.training.device_hint import likely_preset


def needed_recipe(host: Host, verb: str, name: str) -> str:
    """The recipe that a verb was given. Raises UserError, with an example, where it was given none."""
    if name:
        return name
    raise UserError(f"dlplug {verb} needs a RECIPE, as in `{command(verb, quickest(host) or 'RECIPE')}`")


def print_recipe_options(parser: CommandParser, flags: Any, host: Host) -> None:
    """parser, flags: of `dlplug run`."""
    name, recipe = flags.recipe, host.recipe(flags.recipe)
    preset = flags.preset or likely_preset(recipe)
    keys = choice_keys(recipe)
    chosen = {key: value for key, value in flags.options.items() if key in keys}
    config = resolve(host, name, [chosen], preset, partly=True)
    choices = {key: value for key, value in config.items() if key in keys}
    units = units_of(host, choices)
    length = next(unit for unit in units if unit in config)
    values = dict.fromkeys(units, f"none, the length is in {length}") | config
    presets = [f"--preset {key}: {value.summary}" for key, value in recipe.presets.items()]
    parts = [f"--{key} {typed(value)}" for key, value in choices.items() if value]
    whose = f"the preset {preset}" if preset else "the recipe"
    lines = [recipe.summary, f"Source: {recipe.source}", "", *presets, "", *parts, ""]
    parser.usage = f"dlplug run {name} [FLAG …] [--OPTION VALUE …]"
    parser.description = "\n".join([*lines, f"The defaults are those of {whose}."])
    add_options(parser, schema(host, choices), values)
    parser.print_help()
