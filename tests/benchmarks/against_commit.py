"""Steps per second of recipes beside those of another commit, in one run.

Each build trains the recipe in a process of its own, with its own environment; short windows of the two alternate, so
that whatever else the machine does falls on both. Prints one JSON line for each recipe:

    ratio    this build's steps per second over the other's, the median over pairs of windows; `ratios` are all of them
    memory   this build's peak memory over the other's

    python tests/benchmarks/against_commit.py 9c63869 dqn-atari:cpu "fashion-cnn data.batch_size=128"

A recipe may name a preset after a colon, and options of both builds after it; options of this build alone follow
--here, those of the other alone --there. The commit's worktree and environment are made with git and uv in a temporary
folder; --at names one that is there already.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from peers.process import Peer

ROOT = Path(__file__).parents[2]


def compare(recipe: str, there: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The comparison of one recipe."""
    name, *assignments = recipe.split()
    name, _, preset = name.partition(":")
    both = overlay(assignments)
    builds = [
        Peer(
            "windows.py",
            python,
            name,
            str(options.steps),
            json.dumps({"preset": preset, "options": both | overlay(own)}),
        )
        for python, own in ((Path(sys.executable), options.here), (there, options.there))
    ]
    for build in builds:
        build.play(options.steps)  # warms up
    seconds = []
    for turn in range(options.windows):
        order = (0, 1) if turn % 2 == 0 else (1, 0)
        measured = {index: builds[index].play(options.steps) for index in order}
        seconds.append((measured[0], measured[1]))
    ours, theirs = (float(build.close()) for build in builds)
    ratios = [other / own for own, other in seconds]
    return {
        "benchmark": "against_commit",
        "recipe": recipe,
        "here": options.here,
        "there": options.there,
        "steps_per_second": [round(options.steps / median(column), 2) for column in zip(*seconds, strict=True)],
        "ratio": round(median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "memory": round(ours / theirs, 3),
    }


def overlay(assignments: list[str]) -> dict[str, Any]:
    """`name=value` as options; values are read as JSON where they are JSON."""
    options: dict[str, Any] = {}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        try:
            options[name] = json.loads(text)
        except json.JSONDecodeError:
            options[name] = text
    return options


@contextmanager
def built(commit: str) -> Iterator[Path]:
    """The interpreter of a commit's own environment, in a temporary worktree."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", "--quiet", folder, commit], check=True)
        try:
            subprocess.run(["uv", "sync", "--quiet", "--project", folder], check=True)
            yield Path(folder, ".venv", "bin", "python")
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", folder], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("recipes", nargs="+", help="RECIPE[:PRESET] [name=value …], each one argument")
    parser.add_argument("--windows", type=int, default=5, help="pairs of windows")
    parser.add_argument("--steps", type=int, default=50, help="steps in a window")
    parser.add_argument("--here", nargs="*", default=[], metavar="NAME=VALUE", help="options of this build alone")
    parser.add_argument("--there", nargs="*", default=[], metavar="NAME=VALUE", help="options of the other alone")
    parser.add_argument("--at", type=Path, metavar="FOLDER", help="a worktree of that commit with its environment")
    options = parser.parse_args()
    if options.at:
        for recipe in options.recipes:
            print(json.dumps(compare(recipe, options.at / ".venv" / "bin" / "python", options)), flush=True)
        return
    with built(options.commit) as python:
        for recipe in options.recipes:
            print(json.dumps(compare(recipe, python, options)), flush=True)


if __name__ == "__main__":
    main()
