"""`dlplug show`: a recipe's parts, options, source and targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlplug import CommandParser, parsed_by
from dlplug.advice import command
from dlplug.host.plugins import Host
from dlplug.options.layers import resolve
from dlplug.output import print_result
from dlplug.recipes import claims
from dlplug.runs.samples import sampler_names
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
        "samplers": sampler_names(host, name),
        "options": {key: value for key, value in config.items() if key not in ("recipe", "preset")},
    }


def print_description(recipe: Mapping[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    console.print(f"[bold]{recipe['recipe']}[/]: {escape(recipe['summary'])}")
    console.print(f"source: {escape(recipe['source'])}", highlight=False)
    for target in recipe["targets"]:
        source = f", from {escape(target['source'])}" if target["source"] else ""
        console.print(f"{'target' if source else 'measured'}: {escape(target['target'])}{source}", highlight=False)
    if recipe["evaluation"]:
        options = ", ".join(f"{key} {escape(_text(value))}" for key, value in recipe["evaluation"].items())
        console.print(f"`eval` and `verify` measure with: {options}", highlight=False)
    if recipe["samplers"]:
        console.print(
            f"`{command('sample', recipe['recipe'])}` shows: {', '.join(recipe['samplers'])}", highlight=False
        )
    if recipe["needs"]:
        console.print(f"needs: {escape(recipe['needs'])}")
    for name, summary in recipe["presets"].items():
        console.print(
            f"preset {name}{' (shown)' if name == recipe['preset'] else ''}: {escape(summary)}", highlight=False
        )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("option", no_wrap=True, overflow="fold")
    table.add_column("value", overflow="fold")
    for key, value in recipe["options"].items():
        table.add_row(escape(key), escape(_text(value)))
    console.print(table)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
