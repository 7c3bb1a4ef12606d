"""The verbs that train and measure: run, resume, eval. Each imports what it needs when it runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlplug.claims.targets import none_stated_for, standing, verdicts
from dlplug.cli.launching import LOCAL, add_launcher, chosen_launcher, run_by
from dlplug.cli.parser import CommandParser, parsed_by
from dlplug.cli.recipe_help import needed_recipe, print_recipe_options
from dlplug.host.plugins import Host
from dlplug.options.layers import resolve
from dlplug.options.parsing import words_of
from dlplug.options.reading import read_file
from dlplug.output import print_result, print_values, warn_of_problems
from dlplug.runs.folder import find_run, host_with_files
from dlplug.training.device_hint import likely_preset

if TYPE_CHECKING:
    from dlplug.runs.run import Run

RUN = "a run folder, or a recipe's name for its newest run"


def run_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug run",
        subject="RECIPE",
        about="one that `dlplug list` shows; `dlplug run RECIPE --help` lists its options",
        optional=True,
        description="Trains a recipe. `dlplug run --config RUN/config.yaml` repeats a run.",
    )
    add = parser.add_argument
    add("--preset", default="", metavar="NAME", help="a set of the recipe's options, such as cpu, gpu or paper")
    add("--out", default="", metavar="FOLDER", help="the run folder (default: a new one below runs/)")
    add("--config", default="", metavar="FILE", help="a YAML file of options; those on the command line override it")
    add_launcher(parser)
    return parser


@parsed_by(run_parser, explain=print_recipe_options)
def run_command(flags: Any, host: Host) -> int:
    """Trains a recipe."""
    config = {}
    if flags.config:
        config = read_file(flags.config)
        host = host_with_files(Path(flags.config).parent, config, host)
    if "recipe" in config and not flags.recipe:
        flags.recipe, flags.preset = config["recipe"], flags.preset or config.get("preset", "")
    recipe, preset = needed_recipe(host, "run", flags.recipe), flags.preset
    launcher = chosen_launcher(host, flags.launcher, flags.options)
    warn_of_problems(host)
    if flags.launcher != LOCAL:
        resolve(host, recipe, [config, flags.options], preset or likely_preset(host.recipe(recipe)))
        return run_by(launcher, _words(flags, host))
    from dlplug.runs.runner import run

    execution = run(recipe, flags.options, preset=preset, out=flags.out or None, host=host, layers=[config])
    return 130 if execution.stopping else 0


def _words(flags: Any, host: Host) -> list[str]:
    """The command again, without its launcher."""
    plugins = [word for option in host.options for word in ("-p", option)]
    passed = {name: value for name in ("preset", "out", "config") if (value := getattr(flags, name))}
    return [*plugins, "run", flags.recipe, *words_of(passed), *words_of(flags.options)]


def resume_parser() -> CommandParser:
    return CommandParser(
        "dlplug resume",
        subject="RUN",
        about=RUN,
        description="Continues a run from its last checkpoint. Options on the command line override the run's.",
    )


@parsed_by(resume_parser)
def resume_command(flags: Any, host: Host) -> int:
    """Continues a run from its last checkpoint."""
    from dlplug.runs.runner import resume

    folder = find_run(flags.run)
    warn_of_problems(host)
    return 130 if resume(folder, flags.options, host=host).stopping else 0


def eval_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug eval",
        subject="RUN",
        about=RUN,
        description="Measures a run on the test split of its data, and compares with its recipe's targets. Options on"
        " the command line override those of the run and of its metrics.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


@parsed_by(eval_parser)
def eval_command(flags: Any, host: Host) -> int:
    """Measures a run on the test split, and compares with the recipe's targets."""
    from dlplug.runs.runner import evaluation_of

    folder = find_run(flags.run)
    warn_of_problems(host)
    evaluated, values = evaluation_of(folder, flags.options, host=host)
    return print_result(values, flags.json, lambda: _print_evaluation(evaluated, values))


def _print_evaluation(evaluated: Run, values: Mapping[str, Any]) -> None:
    """What was measured, and whether it reaches the recipe's targets."""
    print_values(values, sys.stdout)
    lines = verdicts(standing(evaluated.host, evaluated.config), values)
    others = none_stated_for(evaluated.host, evaluated.config)
    for line in lines or ([f"no target is stated for {others}"] if others else []):
        print(line)
