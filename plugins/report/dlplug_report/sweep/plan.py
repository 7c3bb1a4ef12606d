"""The plan of a sweep: its options, and the runs that they define."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dlplug.errors import UserError
from dlplug.host.plugins import Host
from dlplug.options.layers import resolve
from dlplug.options.parsing import flag, words_of
from dlplug.options.reading import read_file
from dlplug.training.device_hint import likely_preset
from dlplug_report.sweep.goal import Goal, goal_of
from dlplug_report.sweep.values import Choices, Range, Space, spaces

MOST = 10_000  # runs of a grid


class Job(NamedTuple):
    """One run. words: the arguments of `dlplug`, without --out. tried: its values of the options that the sweep
    varies."""

    folder: Path
    words: list[str]
    tried: dict[str, Any]
    seed: str


class Sweep(NamedTuple):
    """plugins: the `-p` arguments. common: --preset and --config as arguments of every run. fixed: options with one
    value; tried: options with several values or a range. digest: a hash of everything that defines the runs but the
    tried options. goal: None without a target, --maximize or --minimize. watch: the recipe's most important metrics."""

    recipe: str
    plugins: list[str]
    common: list[str]
    fixed: dict[str, Any]
    tried: dict[str, Space]
    seeds: list[str]
    goal: Goal | None
    out: Path
    digest: str
    watch: Sequence[str]

    def job(self, tried: Mapping[str, Any], seed: str) -> Job:
        """A run in a folder named after its options, so that a later call finds it."""
        named = ",".join(f"{key}={value}" for key, value in {**tried, "seed": seed}.items())
        name = re.sub(r"[^\w.,=+-]+", "-", named)[:80].strip(".")
        words = [*self.plugins, "run", self.recipe, *self.common, *words_of({**self.fixed, **tried, "seed": seed})]
        return Job(self.out / f"{name}-{digest(self.digest, named)}", words, dict(tried), seed)

    def grid(self) -> list[Job]:
        """Every combination of values, with every seed."""
        values = [space.values for space in self.tried.values() if isinstance(space, Choices)]
        combined = [dict(zip(self.tried, one, strict=True)) for one in itertools.product(*values)]
        return [self.job(one, seed) for one in combined for seed in self.seeds]


def read(flags: Any, host: Host) -> Sweep:
    """The sweep that the flags describe. Raises UserError for options that no run would accept."""
    name, preset, file, search = flags.recipe, flags.preset, flags.config, flags.search != "grid"
    recipe = host.recipe(name)
    below = [read_file(file)] if file else []
    likely = preset or likely_preset(recipe)

    def resolved(options: Mapping[str, Any]) -> Mapping[str, Any]:
        return resolve(host, name, [*below, options], likely)

    varied = spaces(flags.options, resolved)
    seeds = varied.pop("seed", Choices((str(resolved({})["seed"]),)))
    assert isinstance(seeds, Choices)
    fixed = {
        key: space.values[0] for key, space in varied.items() if isinstance(space, Choices) and len(space.values) == 1
    }
    tried = {key: space for key, space in varied.items() if key not in fixed}
    _check(tried, search)
    for options in _each_value(fixed, tried):
        resolved({**options, "seed": seeds.values[-1]})
    common = [*(["--preset", preset] if preset else []), *(["--config", file] if file else [])]
    plugins = [word for option in host.options for word in ("-p", option)]
    out = Path(flags.out or Path("sweeps") / name)
    splits = host.get("data", resolved({})["data"]).signature().splits
    goal = goal_of(recipe, likely, flags.maximize, flags.minimize, splits[0] if "test" in splits else "val")
    return Sweep(
        name, plugins, common, fixed, tried, [str(seed) for seed in seeds.values], goal, out,
        digest(name, preset, below, fixed), recipe.watch,
    )  # fmt: skip


def _check(tried: Mapping[str, Space], search: bool) -> None:
    ranges = [key for key, space in tried.items() if isinstance(space, Range)]
    if ranges and not search:
        raise UserError(f"{flag(ranges[0])} is a range: give values, as in 0.9,0.99, or --search random|tpe --trials N")
    count = 1
    for space in tried.values():
        count *= len(space.values) if isinstance(space, Choices) else 1
    if not search and count > MOST:
        raise UserError(f"that is {count:,} combinations; expected {MOST:,} at most: give fewer values, or --search")
    if search and not tried:
        raise UserError("a search needs an option to vary: give one a range, as in --loss.gamma 0.9:0.999")


def _each_value(fixed: Mapping[str, Any], tried: Mapping[str, Space]) -> Iterator[dict[str, Any]]:
    """Options of runs in which each value, and each end of a range, occurs."""
    ends = {
        key: space.values if isinstance(space, Choices) else (space.low, space.high) for key, space in tried.items()
    }
    for row in range(max(map(len, ends.values()), default=1)):
        yield {**fixed, **{key: values[min(row, len(values) - 1)] for key, values in ends.items()}}


def digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()[:8]
