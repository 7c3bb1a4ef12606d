"""How long commands take to start, beside those of another commit, in one run.

Each command runs in processes of its own, of the two builds in turn. Prints one JSON line for each command, and for
each stage of a training one: seconds on the clock, which is what the user waits, and of the processor, as medians of
this build and of the other; `ratio` is the median of the pairs' clock times, this build's over the other's.

    python tests/benchmarks/startup.py 9c63869 [--at FOLDER] [--table] [COMMAND …]

--table prints rows for the README instead. A COMMAND is one argument, such as "show dqn-atari".
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from statistics import median

from against_commit import built

COMMANDS = [
    "list", "help", "show mlp-moons", "show dqn-atari", "show translate-multi30k", "run --help",
    "run mlp-moons --help", "run mlp-moons --no-such-option 1", "resume nowhere", "run mlp-moons",
]  # fmt: skip
FIRST_STEP = Path(__file__).parent / "peers" / "first_step.py"

Seconds = tuple[float, float]  # on the clock, of the processor


def stages(python: Path, command: str) -> dict[str, Seconds]:
    """The seconds of a command, and those of its stages where it trains."""
    words = command.split()
    with tempfile.TemporaryDirectory() as folder:
        if words[0] != "run" or len(words) != 2 or words[1].startswith("-"):
            return {command: timed([python, "-m", "dlplug", *words], folder)}
        done = process([python, FIRST_STEP, *words, "--wandb", "off"], folder)
        last = json.loads(done.stdout.splitlines()[-1])
        return {f"{command}: {stage}": tuple(seconds) for stage, seconds in last.items()}


def process(words: list, folder: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def timed(words: list, folder: str) -> Seconds:
    before, began = os.times(), time.perf_counter()
    process(words, folder)
    clock, after = time.perf_counter() - began, os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return clock, used


def compared(command: str, here: Path, there: Path, times: int) -> Iterator[dict[str, object]]:
    """A result for each stage of a command."""
    builds = (here, there)
    for build in builds:
        stages(build, command)  # compiles bytecode
    turns: list[dict[str, list[Seconds]]] = []
    for turn in range(times):
        measured = {index: stages(builds[index], command) for index in ((0, 1) if turn % 2 == 0 else (1, 0))}
        turns.append({stage: [measured[0][stage], measured[1][stage]] for stage in measured[0]})
    for stage in turns[0]:
        pairs = [turn[stage] for turn in turns]
        clock, processor = ([[seconds[kind] for seconds in pair] for pair in pairs] for kind in (0, 1))
        yield {
            "benchmark": "startup",
            "command": stage,
            "clock": [round(median(column), 3) for column in zip(*clock, strict=True)],
            "processor": [round(median(column), 3) for column in zip(*processor, strict=True)],
            "ratio": round(median(own / other for own, other in clock), 3),
        }


def row(result: dict) -> str:
    (here, there), (used_here, used_there) = result["clock"], result["processor"]
    return f"| `{result['command']}` | {here:.2f} ({used_here:.2f}) | {there:.2f} ({used_there:.2f}) |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("commands", nargs="*", default=COMMANDS, metavar="COMMAND")
    parser.add_argument("--times", type=int, default=9, help="pairs of processes")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--at", type=Path, metavar="FOLDER", help="a worktree of that commit with its environment")
    options = parser.parse_intermixed_args()
    with nullcontext(options.at / ".venv" / "bin" / "python") if options.at else built(options.commit) as there:
        for command in options.commands:
            for result in compared(command, Path(sys.executable), there, options.times):
                print(row(result) if options.table else json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
