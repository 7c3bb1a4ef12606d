"""`dlplug sweep`: runs one recipe with many options, by grid or search."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dlplug import CommandParser, UserError, parsed_by
from dlplug.cli.launching import add_launcher, chosen_launcher
from dlplug.cli.parser import whole
from dlplug.host.plugins import Host
from dlplug.json_values import strict
from dlplug.runs.lock import locked
from dlplug_report.sweep.plan import Sweep, read
from dlplug_report.sweep.runs import Outcome, Workers
from dlplug_report.sweep.table import line, rows, table

METHODS = ("grid", "random", "tpe")
VALUES = """\
The values of an option:
  0.99,0.995       a list of values; write a comma in a value as \\,
  0..4             the whole numbers from 0 to 4
  0.9:0.999        a range to search; whole numbers for a whole-number option
  1e-5:1e-2:log    a range to search, uniform in the logarithm
An option with one value is the same in every run. A search averages over the seeds."""


def sweep_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug sweep",
        subject="RECIPE",
        about="one that `dlplug list` shows",
        description="Runs one recipe with many values of its options: all of them (grid), or by a search.",
        epilog=VALUES,
    )
    add = parser.add_argument
    add(
        "--jobs",
        type=whole,
        default=1,
        metavar="N",
        help="number of parallel runs, each in its own process (default: 1)",
    )
    add("--out", default="", metavar="FOLDER", help="folder of the runs (default: sweeps/RECIPE); finished runs in it"
        " are not repeated")  # fmt: skip
    add("--search", default="grid", choices=METHODS, metavar="METHOD", help="grid, random, or tpe, the tree-structured"
        " Parzen estimator of Optuna")  # fmt: skip
    add("--trials", type=whole, metavar="N", help="number of trials of a search, including those of earlier calls")
    add("--maximize", default="", metavar="METRIC", help="metric to maximise, such as val/accuracy; by default the"
        " recipe's target, on the split that training watches (val, eval) if the target is on test")  # fmt: skip
    add("--minimize", default="", metavar="METRIC", help="metric to minimise")
    add("--wandb-config", default="", metavar="PATH", help="write a W&B sweep whose agents call `dlplug run`, and run"
        " nothing")  # fmt: skip
    add("--preset", default="", metavar="NAME", help="as for `dlplug run`")
    add("--config", default="", metavar="FILE", help="as for `dlplug run`")
    add_launcher(parser)
    add("--json", action="store_true", help="print the table as JSON")
    return parser


@parsed_by(sweep_parser)
def sweep(flags: Any, host: Host) -> int:
    """Runs one recipe with many values of its options, by grid or search.

    Raises UserError for errors that the user can correct, before the first run.
    """
    launcher = chosen_launcher(host, flags.launcher, flags.options)
    method = flags.search
    if (flags.trials is None) != (method == "grid") and not flags.wandb_config:
        raise UserError("--trials N and --search random|tpe belong together")
    plan = read(flags, host)
    if flags.wandb_config:
        from dlplug_report.sweep.wandb import write

        return write(plan, method, flags.trials, Path(flags.wandb_config))
    if method != "grid" and plan.goal is None:
        raise UserError(f"{plan.recipe} states no target: choose a metric by --maximize or --minimize METRIC")
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {plan.out}: {error.strerror}; choose another with --out") from None
    with locked(plan.out):
        return _run(plan, method, Workers(flags.jobs, launcher), flags.trials or 1, flags.json)


def _run(plan: Sweep, method: str, workers: Workers, trials: int, as_json: bool) -> int:
    """Runs the sweep and prints its table. Returns the exit code, 0 if every run has finished."""
    ended, unfinished = 0, False

    def on_end(outcome: Outcome) -> None:
        nonlocal ended, unfinished
        ended += 1
        unfinished |= outcome.status in ("failed", "left")
        if not as_json:
            print(f"{ended} of {count}: {line(outcome, plan.goal)}", flush=True)

    if method == "grid":
        everything = plan.grid()
        count = len(everything)
        workers.work(iter([[job] for job in everything]), on_end, lambda outcomes: None)
    else:
        from dlplug_report.sweep.search import Search

        search = Search(plan, method, trials)
        count = search.left * len(plan.seeds)
        workers.work(search.plans(), on_end, search.finish)
        everything = search.all_jobs()
    summary = rows(everything, plan.goal)
    print(json.dumps(strict(summary), indent=2, ensure_ascii=False) if as_json else table(plan, summary))
    return 130 if workers.stopping else 1 if unfinished else 0
