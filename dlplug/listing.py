"""What `list`, `show`, `plugins` and a recipe's `--help` say, read without importing what is listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dlplug import parsing
from dlplug.advice import command
from dlplug.device_hint import likely_preset
from dlplug.errors import UserError
from dlplug.folder import find_run, host_of, read_config
from dlplug.options import Config, choice_keys, choose, resolve, schema, units_of
from dlplug.plugins import Entry, Host
from dlplug.recipes import as_use, claims
from dlplug.samples import sampler_names, sampler_of
from dlplug.tables import records


def rows(host: Host, kind: str) -> list[dict[str, Any]]:
    """One mapping for each registered name."""
    if kind != "recipes":
        return [
            {"name": e.name, "summary": _summary(e), "plugin": e.plugin.name, "version": e.plugin.version}
            for e in host.entries(kind)
        ]
    return [_recipe_row(host, entry) for entry in host.entries("recipes")]


def _recipe_row(host: Host, entry: Entry) -> dict[str, Any]:
    row = {"name": entry.name, "summary": "", "trainer": "", "presets": [], "needs": "", "took": ""}
    try:
        recipe = host.recipe(entry.name)
        row |= {"summary": recipe.summary, "trainer": as_use(recipe.trainer).name, "presets": list(recipe.presets)}
        row |= {"needs": recipe.needs, "took": took(host, entry.name)}
    except UserError as error:  # a broken name must not hide the others
        row["summary"] = f"broken: {error}"
    return row | {"plugin": entry.plugin.name, "version": entry.plugin.version}


def took(host: Host, recipe: str) -> str:
    """How long training took where it was recorded, "2 min on a CPU"; "" where no record is at hand."""
    times = _recorded_seconds(host, recipe)
    if not times:
        return ""
    seconds, place = min(times)
    amount = (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
    return f"{amount} on a {place}"


def quickest_first(host: Host) -> Iterator[str]:
    """The recipes, those first that need no download and took the least time."""

    def place(name: str) -> tuple[bool, float]:
        try:
            needs = host.recipe(name).needs
        except UserError:
            return True, float("inf")
        return bool(needs), min(_recorded_seconds(host, name), default=(float("inf"), ""))[0]

    yield from sorted(host.names("recipes"), key=place)


def _recorded_seconds(host: Host, recipe: str) -> list[tuple[float, str]]:
    """The mean time of the runs of each record, and what they ran on."""
    try:
        found = records(host, recipe).values()
    except UserError:
        return []
    return [
        (sum(run.get("seconds", 0.0) for run in record["runs"]) / len(record["runs"]), "GPU" if gpus else "CPU")
        for record in found
        if record["runs"]
        for gpus in [record["environment"]["gpus"]]
    ]


def print_rows(host: Host, kind: str, listed: list[dict[str, Any]]) -> None:
    console = Console()
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for plugin in sorted({row["plugin"] for row in listed}):
        table.add_row(f"[bold]{escape(plugin)}[/]")
        for row in (row for row in listed if row["plugin"] == plugin):
            table.add_row(f"  {escape(row['name'])}", _said_of(row))
    console.print(table if listed else f"no {kind}: install a plugin, such as dlplug\\[rl]")
    for problem in host.problems():
        console.print(f"[yellow]{escape(problem)}[/]")


def _said_of(row: Mapping[str, Any]) -> str:
    """The summary, and what is unusual about it."""
    unusual = [row["took"]] if row.get("took") else []
    unusual += [f"needs {row['needs']}"] if row.get("needs") else []
    unusual += [f"trainer {row['trainer']}"] if row.get("trainer", "torch") not in ("torch", "") else []
    return escape(row["summary"]) + "".join(f" [dim]({escape(said)})[/]" for said in unusual)


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


def print_description(shown: Mapping[str, Any]) -> None:
    console = Console()
    console.print(f"[bold]{shown['recipe']}[/]: {escape(shown['summary'])}")
    console.print(f"source: {escape(shown['source'])}", highlight=False)
    for target in shown["targets"]:
        source = f", from {escape(target['source'])}" if target["source"] else ""
        console.print(f"{'target' if source else 'measured'}: {escape(target['target'])}{source}", highlight=False)
    if shown["evaluation"]:
        said = ", ".join(f"{key} {_text(value)}" for key, value in shown["evaluation"].items())
        console.print(f"`eval` and `verify` measure with: {said}", highlight=False)
    if shown["samplers"]:
        console.print(f"`{command('sample', shown['recipe'])}` shows: {', '.join(shown['samplers'])}", highlight=False)
    if shown["needs"]:
        console.print(f"needs: {escape(shown['needs'])}")
    for name, summary in shown["presets"].items():
        console.print(
            f"preset {name}{' (shown)' if name == shown['preset'] else ''}: {escape(summary)}", highlight=False
        )
    table = _table("option", "value")
    for key, value in shown["options"].items():
        table.add_row(key, _text(value))
    console.print(table)


def print_options(host: Host, name: str, preset: str, given: Config) -> None:
    """`dlplug run RECIPE --help`: every option of the parts that are chosen."""
    recipe = host.recipe(name)
    preset = preset or likely_preset(recipe)
    chosen = {key: value for key, value in given.items() if key in choice_keys(recipe)}
    config = resolve(host, name, [chosen], preset, partly=True)
    choices = choose(host, name, [chosen], preset)
    presets = "".join(f"\n--preset {key}: {value.summary}" for key, value in recipe.presets.items())
    parts = "".join(f"\n--{key} {_text(value)}" for key, value in choices.items() if value)
    whose = f"the preset {preset}" if preset else "the recipe"
    header = f"{recipe.summary}\n{recipe.source}\n{presets}\n{parts}\n\nThe defaults shown are those of {whose}."
    parsing.print_options(schema(host, choices, units_of(host, choices)), config, f"dlplug run {name}", header)


def print_sampler_options(host: Host, name: str, what: str) -> None:
    """`dlplug sample RUN --help`: the options of the sampler that is chosen; a recipe need not have been run for it."""
    try:
        folder = find_run(name)
    except UserError:
        if name not in host.names("recipes"):
            raise
        run = {"recipe": name, "seed": 0}
    else:
        run, host = read_config(folder), host_of(folder, host)
    sampler, options = sampler_of(host, run["recipe"], what, run["seed"])
    named = sampler_names(host, run["recipe"])
    lines = [f"{sampler.name}: {_summary(sampler)}"]
    if len(named) > 1:
        lines += [f"--what {other}: {_summary(host.get('samplers', other))}" for other in named]
    lines += [
        "--out PATH: a file (its suffix chooses the format) or a new folder; else a numbered one below the run folder",
        "--json: paths and numbers alone",
        "",
        "Options of the run, such as --device cpu, overlay its own.",
    ]
    parsing.print_options(options, {}, f"dlplug sample {name}", "\n".join(lines))


def plugin_rows(host: Host) -> list[dict[str, Any]]:
    return [
        {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "state": plugin.state,
            "error": plugin.error,
            "origin": plugin.origin,
            "load_ms": round(plugin.seconds * 1000, 1),
            "provides": {kind: names for kind, names in plugin.provides.items() if names},
        }
        for plugin in host.plugins
    ]


def print_plugins(host: Host, listed: list[dict[str, Any]]) -> None:
    table = _table("name", "version", "state", "load ms", "provides", "origin")
    for row in listed:
        provides = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in row["provides"].items())
        provides = provides or row["error"]
        table.add_row(
            row["name"], row["version"], row["state"], str(row["load_ms"]), escape(provides), escape(row["origin"])
        )
    console = Console()
    console.print(table)
    for problem in host.problems():
        console.print(f"[yellow]{escape(problem)}[/]")


def option_names(host: Host, name: str) -> list[str]:
    """Every option of a recipe, for completion."""
    choices = choose(host, name, [])
    return [*choices, *(option.name for option in schema(host, choices, units_of(host, choices)))]


def _summary(entry: Entry) -> str:
    try:
        return entry.signature().summary
    except UserError as error:  # a broken name must not hide the others
        return f"broken: {error}"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in ("name", "option"))
    return table


def _text(value: Any) -> str:
    return escape(", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))
