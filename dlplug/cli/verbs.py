"""The core's own verbs, registered as any plugin's are. Each imports what it needs when it runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TextIO

from dlplug.cli.words import first, nothing_more, one, take_flag, take_value, whole
from dlplug.errors import UserError, nearest
from dlplug.host.plugins import KINDS, Host, load_host
from dlplug.json_values import strict
from dlplug.output import say_to

if TYPE_CHECKING:
    from dlplug.runs.run import Run


def list_command(arguments: list[str], host: Host) -> int:
    """What can be run, or is registered of another kind."""
    from dlplug.commands import listing

    as_json = take_flag(arguments, "--json")
    kind = arguments.pop(0) if arguments else "recipes"
    nothing_more(arguments, "list")
    if kind not in KINDS:
        raise UserError(f"cannot list {kind!r}.{nearest(kind, KINDS)}")
    rows = listing.rows(host, kind)
    return _print(rows, as_json, lambda: listing.print_rows(host, kind, rows))


def show_command(arguments: list[str], host: Host) -> int:
    """A recipe's parts, options, source and targets."""
    from dlplug.commands import listing

    as_json = take_flag(arguments, "--json")
    preset = take_value(arguments, "--preset")
    shown = listing.describe(host, one(arguments, "show", "RECIPE"), preset)
    return _print(shown, as_json, lambda: _tables().print_description(shown))


def run_command(arguments: list[str], host: Host) -> int:
    """Trains a recipe."""
    from dlplug.cli.launching import LOCAL, launched, take_launcher
    from dlplug.commands import listing
    from dlplug.options.layers import resolve
    from dlplug.options.reading import arguments as parse
    from dlplug.options.reading import read_file
    from dlplug.runs.folder import plugin_files
    from dlplug.training.device_hint import likely_preset

    where, launcher = take_launcher(host, arguments)
    words = [*(word for option in host.options for word in ("-p", option)), "run", *arguments]
    preset, out, config = (take_value(arguments, name) for name in ("--preset", "--out", "--config"))
    asked = take_flag(arguments, "--help") | take_flag(arguments, "-h")
    layers = [read_file(config)] if config else []
    if config and (files := plugin_files(Path(config).parent, layers[0], host.options)):
        host = load_host([*host.options, *files])
    if layers and "recipe" in layers[0] and not (arguments and not arguments[0].startswith("-")):
        arguments.insert(0, layers[0]["recipe"])
        preset = preset or layers[0].get("preset", "")
    recipe = first(arguments, "run", "RECIPE", listing.quickest_first(host))
    definition, options = host.recipe(recipe), parse(arguments)
    if asked:
        listing.print_options(host, recipe, preset, options)
        return 0
    likely = preset or likely_preset(definition)
    if likely != "gpu" or preset:  # what is wrong shows before torch is imported
        resolve(host, recipe, [*layers, options], likely)
    _warn(host)
    if where != LOCAL:
        return launched(launcher, words)
    from dlplug.runs.runner import run

    execution = run(recipe, options, preset=preset, out=out or None, host=host, layers=layers)
    return 130 if execution.stopping else 0


def resume_command(arguments: list[str], host: Host) -> int:
    """Goes on with a run from its last checkpoint."""
    from dlplug.options.reading import arguments as parse
    from dlplug.runs.folder import find_run

    folder = find_run(first(arguments, "resume", "RUN", []))
    options = parse(arguments)
    from dlplug.runs.runner import resume

    _warn(host)
    return 130 if resume(str(folder), options, host=host).stopping else 0


def eval_command(arguments: list[str], host: Host) -> int:
    """Measures a run on its data's last split."""
    from dlplug.options.reading import arguments as parse
    from dlplug.runs.folder import find_run

    as_json = take_flag(arguments, "--json")
    folder = find_run(first(arguments, "eval", "RUN", []))
    options = parse(arguments)
    from dlplug.runs.runner import evaluation_of

    _warn(host)
    run, values = evaluation_of(str(folder), options, host=host)
    protocol = {"protocol": run.protocol} if run.protocol else {}
    return _print(values | protocol, as_json, lambda: _print_evaluation(run, values | protocol))


def sample_command(arguments: list[str], host: Host) -> int:
    """What a run makes: pictures, a video, text."""
    from dlplug.commands import listing
    from dlplug.options.reading import arguments as parse
    from dlplug.runs.samples import sample

    say_to("stderr")  # standard output is for what is made: `dlplug sample RUN > story.txt`
    as_json = take_flag(arguments, "--json")
    what, out = (take_value(arguments, name) for name in ("--what", "--out"))
    asked = take_flag(arguments, "--help") | take_flag(arguments, "-h")
    name = first(arguments, "sample", "RUN", [])
    if asked:
        listing.print_sampler_options(host, name, what)
        return 0
    spoken: list[str] = []

    def speak(piece: str) -> None:
        spoken.append(piece)
        print(piece, end="", flush=True)

    _warn(host)
    try:
        values = sample(name, parse(arguments), what=what, out=out, host=host, show=None if as_json else speak)
    finally:
        if spoken and not spoken[-1].endswith("\n"):
            print(flush=True)
    return _print(values, as_json, lambda: _print_values(values, sys.stderr if spoken else sys.stdout))


def verify_command(arguments: list[str], host: Host) -> int:
    """Trains, evaluates, compares with the target and records."""
    from dlplug.options.reading import arguments as parse
    from dlplug.runs.folder import host_knowing, results_folder

    if {"--all", "--table"} & set(arguments):
        from dlplug.commands import tables

        return tables.command(host, arguments)
    as_json = take_flag(arguments, "--json")
    preset, seeds, each, games = (take_value(arguments, name) for name in ("--preset", "--seeds", "--each", "--games"))
    ours = take_flag(arguments, "--record")
    from dlplug.commands.listing import quickest_first

    recipe = first(arguments, "verify", "RECIPE", quickest_first(host))
    host = host_knowing(recipe, host)
    host.recipe(recipe)
    options, count = parse(arguments), whole(seeds or "1", "--seeds")
    from dlplug.commands.verify import RECORDS, each_value, print_records, verify

    overlays = [parse([f"--{option}={value}"]) for option, value in each_value(each, games)]
    _warn(host)
    folder = results_folder(host, recipe) if ours else RECORDS
    records = verify(host, recipe, options, overlays, seeds=count, preset=preset, folder=folder)
    _print(records if overlays else records[0], as_json, lambda: print_records(records))
    return 1 if any(record["reached"] is False for record in records) else 0


def plugins_command(arguments: list[str], host: Host) -> int:
    """What is installed, and whether it works."""
    from dlplug.commands import listing

    as_json = take_flag(arguments, "--json")
    nothing_more(arguments, "plugins")
    rows = listing.plugin_rows(host)
    return _print(rows, as_json, lambda: _tables().print_plugins(host, rows))


def doctor_command(arguments: list[str], host: Host) -> int:
    """What works here, and what to do about what does not."""
    from dlplug.commands.doctor import examine, print_findings

    as_json = take_flag(arguments, "--json")
    nothing_more(arguments, "doctor")
    findings = examine(host)
    _print(findings, as_json, lambda: print_findings(findings))
    return 0 if all(finding["works"] for finding in findings) else 1


def completion_command(arguments: list[str], host: Host) -> int:
    """A script for the shell."""
    from dlplug.commands.completion import candidates, script

    if arguments and arguments[0] == "candidates":
        print("\n".join(candidates(host, arguments[1:])))
    else:
        print(script(one(arguments, "completion", "bash, zsh or fish")))
    return 0


def _tables() -> ModuleType:
    """Imported for people alone: drawing costs more than what `--json` does."""
    from dlplug.commands import listing_tables

    return listing_tables


def _print(value: Any, as_json: bool, print_for_people: Callable[[], None]) -> int:
    if as_json:
        print(json.dumps(strict(value), indent=2, ensure_ascii=False))
    else:
        print_for_people()
    return 0


def _print_evaluation(run: Run, values: Mapping[str, Any]) -> None:
    """What was measured, and whether it reaches the recipe's targets."""
    from dlplug.runs.targets import none_stated_for, standing, verdicts

    _print_values(values, sys.stdout)
    lines = verdicts(standing(run.host, run.config), values)
    others = none_stated_for(run.host, run.config)
    for line in lines or ([f"no target is stated for {others}"] if others else []):
        print(line)


def _print_values(values: Mapping[str, Any], stream: TextIO) -> None:
    for key, value in values.items():
        print(f"{key}: {f'{value:.6g}' if isinstance(value, float) else value}", file=stream)


def _warn(host: Host) -> None:
    """A run goes on without what a broken plugin would have given; whoever runs it should know."""
    for problem in host.problems():
        print(f"dlplug: {problem}", file=sys.stderr)
