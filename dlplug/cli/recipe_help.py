"""`dlplug run RECIPE --help`: every option of the parts that are chosen."""

from __future__ import annotations

from typing import Any

from dlplug.cli.parser import CommandParser
from dlplug.host.plugins import Host
from dlplug.options.help import add_options, shown
from dlplug.options.layers import choose, resolve
from dlplug.options.parts import choice_keys, schema, units_of
from dlplug.training.device_hint import likely_preset


def print_recipe_options(parser: CommandParser, flags: Any, host: Host) -> None:
    """parser, flags: of `dlplug run`."""
    name, recipe = flags.recipe, host.recipe(flags.recipe)
    preset = flags.preset or likely_preset(recipe)
    chosen = {key: value for key, value in flags.options.items() if key in choice_keys(recipe)}
    config = resolve(host, name, [chosen], preset, partly=True)
    choices = choose(host, name, [chosen], preset)
    units = units_of(host, choices)
    length = next(unit for unit in units if unit in config)
    values = dict.fromkeys(units, f"none, the length is in {length}") | config
    presets = [f"--preset {key}: {value.summary}" for key, value in recipe.presets.items()]
    parts = [f"--{key} {shown(value)}" for key, value in choices.items() if value]
    whose = f"the preset {preset}" if preset else "the recipe"
    lines = [recipe.summary, f"Source: {recipe.source}", "", *presets, "", *parts, ""]
    parser.usage = f"dlplug run {name} [FLAG …] [--OPTION VALUE …]"
    parser.description = "\n".join([*lines, f"The defaults are those of {whose}."])
    add_options(parser, schema(host, choices, units), values)
    parser.print_help()
