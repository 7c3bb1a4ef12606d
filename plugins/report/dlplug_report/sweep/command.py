"""`dlplug sweep`: many runs of one recipe, over a grid of options or searching among them."""

from __future__ import annotations

import json
from pathlib import Path

from dlplug.advice import command
from dlplug.cli.launching import take_launcher
from dlplug.errors import UserError, nearest
from dlplug.host.plugins import Host
from dlplug.json_values import strict
from dlplug.runs.lock import held
from dlplug_report.sweep.plan import Sweep, read
from dlplug_report.sweep.runs import Outcome, Workers
from dlplug_report.sweep.table import line, rows, table

METHODS = ("grid", "random", "tpe")
TAKES_VALUE = ("jobs", "out", "search", "trials", "maximize", "minimize", "wandb-config", "preset", "config")
HELP = """\
dlplug sweep RECIPE --OPTION VALUES … [--jobs N]              every combination
dlplug sweep RECIPE --OPTION RANGE … --search random|tpe --trials N [--jobs N]

The values of an option:
  0.99,0.995       a list of values; write a comma in a value as \\,
  0..4             the whole numbers from 0 to 4
  0.9:0.999        a range to search; whole numbers for a whole-number option
  1e-5:1e-2:log    a range to search, uniform in the logarithm
An option with one value is the same in every run. A search averages over the seeds.

--jobs N             number of runs at a time, each in its own process (1)
--out FOLDER         folder of the runs (sweeps/RECIPE); finished runs in it are not repeated
--search METHOD      grid, random, or tpe, the tree-structured Parzen estimator of Optuna
--trials N           number of trials of a search, including those of earlier calls
--maximize METRIC    metric to maximise, such as val/accuracy (or --minimize); by default the recipe's target, on
                     the split that training watches (val, eval) if the target is on test
--wandb-config PATH  write a W&B sweep whose agents call `dlplug run`, and run nothing
--launcher NAME      start the runs elsewhere: `dlplug list launchers`
--preset, --config   as for `dlplug run`
--json               print the table as JSON"""


def sweep(arguments: list[str], host: Host) -> int:
    """Many runs of one recipe, over a grid of options or searching among them.

    Raises UserError for what a user can mend, before the first is begun.
    """
    if {"--help", "-h"} & set(arguments):
        print(HELP)
        return 0
    _, launcher = take_launcher(host, arguments)
    own, as_json, rest = _own(arguments)
    if not rest or rest[0].startswith("-"):
        raise UserError(f"dlplug sweep needs a RECIPE, as in `{command('sweep', 'mlp-moons', '--seed', '0..4')}`")
    method = own.get("search", "grid")
    if method not in METHODS:
        raise UserError(f"--search {method}: expected {', '.join(METHODS)}.{nearest(method, METHODS)}")
    if ("trials" in own) == (method == "grid") and "wandb-config" not in own:
        raise UserError("--trials N and --search random|tpe belong together")
    asked = read(rest[0], rest[1:], own, method != "grid", host)
    jobs, trials = _whole(own, "jobs"), _whole(own, "trials")
    if "wandb-config" in own:
        from dlplug_report.sweep.wandb import write

        return write(asked, method, trials if "trials" in own else None, Path(own["wandb-config"]))
    if method != "grid" and asked.goal is None:
        raise UserError(f"{asked.recipe} states no target: say what to look for by --maximize or --minimize METRIC")
    try:
        asked.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {asked.out}: {error.strerror}; choose another with --out") from None
    with held(asked.out):
        return _run(asked, method, Workers(jobs, launcher), trials, as_json)


def _run(asked: Sweep, method: str, workers: Workers, trials: int, as_json: bool) -> int:
    """The exit code: 0 where every run has finished."""
    ended, unfinished = 0, False

    def on_end(outcome: Outcome) -> None:
        nonlocal ended, unfinished
        ended += 1
        unfinished |= outcome.status in ("failed", "left")
        if not as_json:
            print(f"{ended} of {count}: {line(outcome, asked.goal)}", flush=True)

    if method == "grid":
        everything = asked.grid()
        count = len(everything)
        workers.work(iter([[job] for job in everything]), on_end, lambda outcomes: None)
    else:
        from dlplug_report.sweep.search import Search

        search = Search(asked, method, trials)
        count = search.left * len(asked.seeds)
        workers.work(search.plans(), on_end, search.done)
        everything = search.all_jobs()
    summary = rows(everything, asked.goal)
    print(json.dumps(strict(summary), indent=2, ensure_ascii=False) if as_json else table(asked, summary))
    return 130 if workers.stopping else 1 if unfinished else 0


def _own(arguments: list[str]) -> tuple[dict[str, str], bool, list[str]]:
    """The sweep's own options, whether it is to be JSON, and the rest, which is the runs'."""
    own: dict[str, str] = {}
    rest = [argument for argument in arguments if argument != "--json"]
    for name in TAKES_VALUE:
        for index, argument in enumerate(rest):
            key, equals, value = argument.partition("=")
            if key != f"--{name}":
                continue
            if not equals and index + 1 == len(rest):
                raise UserError(f"--{name} needs a value")
            own[name] = value if equals else rest[index + 1]
            del rest[index : index + (1 if equals else 2)]
            break
    return own, "--json" in arguments, rest


def _whole(own: dict[str, str], name: str) -> int:
    text = own.get(name, "1")
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"--{name} expects a whole number from 1, got {text!r}")
    return int(text)
