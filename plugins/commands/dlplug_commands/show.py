"""`dlplug show`: a recipe's parts, options, source and targets."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from dlplug import CommandParser, parsed_by
from dlplug.host.plugins import Host
from dlplug.options.layers import resolve
from dlplug.output import command, print_result
from dlplug.recipes import as_use, claims
from dlplug.training.device_hint import likely_preset


def show_parser() -> CommandParser:
    parser = CommandParser("dlplug show", description="Shows a recipe's parts, options, source and targets.")
    parser.add_argument("recipe", metavar="RECIPE", help="one that `dlplug list` shows")
    parser.add_argument(
        "--preset", default="", metavar="NAME", help="a preset (default: the one that a run on this machine takes)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


@parsed_by(show_parser)
def show_command(flags: Any, host: Host) -> int:
    """Shows a recipe's parts, options, source and targets."""
    recipe = describe(host, flags.recipe, flags.preset)
    return print_result(recipe, flags.json, lambda: print_description(recipe))


def describe(host: Host, name: str, preset: str = "") -> dict[str, Any]:
    """A recipe's parts, options, source and targets, under a preset."""
    recipe = host.recipe(name)
    preset = preset or likely_preset(recipe)
    config = resolve(host, name, [], preset, partly=True)
    return {
        "recipe": name,
        "summary": recipe.summary,
        "source": recipe.source,
        "needs": recipe.needs,
        "preset": preset,
        "presets": {key: value.summary for key, value in recipe.presets.items()},
        "targets": [{"target": str(target), "source": target.source} for target in claims(recipe, preset)],
        "evaluation": dict(recipe.evaluation),
        "samplers": [as_use(sampler).name for sampler in recipe.samplers],
        "options": {key: value for key, value in config.items() if key not in ("recipe", "preset")},
    }


def print_description(recipe: Mapping[str, Any]) -> None:
    """Lines wrapped to the terminal's width, then a table. Importing rich would double the command's run time."""
    wrapper = textwrap.TextWrapper(max(40, shutil.get_terminal_size().columns))
    wrapper.break_on_hyphens = wrapper.break_long_words = False  # names and addresses stay whole, to be copied
    for line in description(recipe):
        print(wrapper.fill(line))
    options = {key: _text(value) for key, value in recipe["options"].items()}
    left = max(map(len, options))
    wrapper.subsequent_indent = " " * (left + 2)
    print()
    for key, value in options.items():
        print(wrapper.fill(f"{key:{left}}  {value}"))


def description(recipe: Mapping[str, Any]) -> Iterator[str]:
    """What a recipe is, claims, needs and shows, and its presets: a line for each."""
    yield f"{recipe['recipe']}: {recipe['summary']}"
    yield f"source: {recipe['source']}"
    for target in recipe["targets"]:
        source = f", from {target['source']}" if target["source"] else ""
        yield f"{'target' if source else 'measured'}: {target['target']}{source}"
    if recipe["evaluation"]:
        options = ", ".join(f"{key} {_text(value)}" for key, value in recipe["evaluation"].items())
        yield f"`eval` and `verify` measure with: {options}"
    if recipe["samplers"]:
        yield f"`{command('sample', recipe['recipe'])}` shows: {', '.join(recipe['samplers'])}"
    if recipe["needs"]:
        yield f"needs: {recipe['needs']}"
    for name, summary in recipe["presets"].items():
        yield f"preset {name}{' (shown)' if name == recipe['preset'] else ''}: {summary}"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
