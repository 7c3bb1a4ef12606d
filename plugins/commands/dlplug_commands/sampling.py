"""`dlplug sample`: what a run has learnt to make: pictures, a video, text."""

from __future__ import annotations

import sys
from typing import Any

from dlplug import CommandParser, UserError, parsed_by
from dlplug.host.plugins import Host
from dlplug.options.help import add_options, summary
from dlplug.output import print_result, print_values, say_to, warn_of_problems
from dlplug.runs.folder import current_config, find_run, host_of
from dlplug.runs.samples import sample, sampler_names, sampler_of


def sample_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug sample",
        subject="RUN",
        about="a run folder, or a recipe's name for its newest run",
        description="Shows what a run has learnt to make: pictures, a video, text. `dlplug sample RUN --help` lists the"
        " options of its samplers.",
    )
    add = parser.add_argument
    add("--what", default="", metavar="SAMPLER", help="the sampler (default: the recipe's first)")
    add("--out", default="", metavar="PATH", help="a file, whose suffix chooses the format, or a new folder (default: a"
        " numbered folder below the run folder)")  # fmt: skip
    add("--json", action="store_true", help="print paths and numbers as JSON")
    return parser


def print_sampler_options(parser: CommandParser, flags: Any, host: Host) -> None:
    """`dlplug sample RUN --help`: the options of the chosen sampler. RUN may be a recipe that has not been run yet."""
    name = flags.run
    try:
        folder = find_run(name)
    except UserError:
        if name not in host.names("recipes"):
            raise
        run = {"recipe": name, "seed": 0}
    else:
        host = host_of(folder, host)
        run = current_config(folder, host)
    sampler, options = sampler_of(host, run["recipe"], flags.what, run["seed"])
    named = sampler_names(host, run["recipe"])
    lines = [f"{sampler.name}: {summary(sampler)}"]
    if len(named) > 1:
        lines += [f"--what {other}: {summary(host.get('samplers', other))}" for other in named]
    parser.usage = f"dlplug sample {name} [FLAG …] [--OPTION VALUE …]"
    parser.description = "\n".join(
        [*lines, "", "The run's own options can be overridden too, for example by --device cpu."]
    )
    add_options(parser, options, {})
    parser.print_help()


@parsed_by(sample_parser, explain=print_sampler_options)
def sample_command(flags: Any, host: Host) -> int:
    """Shows what a run has learnt to make: pictures, a video, text."""
    say_to("stderr")  # standard output is for the sample: `dlplug sample RUN > story.txt`
    pieces: list[str] = []

    def print_piece(piece: str) -> None:
        pieces.append(piece)
        print(piece, end="", flush=True)

    warn_of_problems(host)
    show = None if flags.json else print_piece
    try:
        values = sample(flags.run, flags.options, what=flags.what, out=flags.out, host=host, show=show)
    finally:
        if pieces and not pieces[-1].endswith("\n"):
            print(flush=True)
    return print_result(values, flags.json, lambda: print_values(values, sys.stderr if pieces else sys.stdout))
