"""`dlplug sample`: what a run has learnt to make: pictures, a video, text."""

from __future__ import annotations

import sys
from typing import Any

from dlplug import CommandParser, UserError, parsed_by
from dlplug.host.plugins import Host
from dlplug.options.help import add_options, summary
from dlplug.output import print_result, print_values, say_to, warn_of_problems
from dlplug.runs.folder import find_run, host_of, read_config
from dlplug.runs.samples import sample, sampler_names, sampler_of


def parser() -> CommandParser:
    made = CommandParser(
        "dlplug sample",
        subject="RUN",
        about="a run folder, or a recipe's name for its newest run",
        description="Shows what a run has learnt to make: pictures, a video, text. `dlplug sample RUN --help` lists the"
        " options of its samplers.",
    )
    add = made.add_argument
    add("--what", default="", metavar="SAMPLER", help="the sampler (default: the recipe's first)")
    add("--out", default="", metavar="PATH", help="a file, whose suffix chooses the format, or a new folder (default: a"
        " numbered one below the run folder)")  # fmt: skip
    add("--json", action="store_true", help="print paths and numbers as JSON")
    return made


def print_sampler_options(made: CommandParser, flags: Any, host: Host) -> None:
    """`dlplug sample RUN --help`: the options of the sampler that is chosen; a recipe need not have been run for it."""
    name = flags.run
    try:
        folder = find_run(name)
    except UserError:
        if name not in host.names("recipes"):
            raise
        run = {"recipe": name, "seed": 0}
    else:
        run, host = read_config(folder), host_of(folder, host)
    sampler, options = sampler_of(host, run["recipe"], flags.what, run["seed"])
    named = sampler_names(host, run["recipe"])
    lines = [f"{sampler.name}: {summary(sampler)}"]
    if len(named) > 1:
        lines += [f"--what {other}: {summary(host.get('samplers', other))}" for other in named]
    made.usage = f"dlplug sample {name} [FLAG …] [--OPTION VALUE …]"
    made.description = "\n".join(
        [*lines, "", "The run's own options can be overridden too, for example by --device cpu."]
    )
    add_options(made, options, {})
    made.print_help()


@parsed_by(parser, explain=print_sampler_options)
def sample_command(flags: Any, host: Host) -> int:
    """Shows what a run has learnt to make: pictures, a video, text."""
    say_to("stderr")  # standard output is for what is made: `dlplug sample RUN > story.txt`
    spoken: list[str] = []

    def speak(piece: str) -> None:
        spoken.append(piece)
        print(piece, end="", flush=True)

    warn_of_problems(host)
    show = None if flags.json else speak
    try:
        values = sample(flags.run, flags.options, what=flags.what, out=flags.out, host=host, show=show)
    finally:
        if spoken and not spoken[-1].endswith("\n"):
            print(flush=True)
    return print_result(values, flags.json, lambda: print_values(values, sys.stderr if spoken else sys.stdout))
