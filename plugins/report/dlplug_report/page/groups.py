"""Runs side by side: the seeds of one configuration as a group, and the options that differ."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dlplug.recipes import Target
from dlplug.runs.reader import SavedRun
from dlplug_report.page.facts import WATCHING, Facts
from dlplug_report.page.thinning import summary

ABSENT = "–"


class View(NamedTuple):
    """A run in a report. label: distinguishes it from the others."""

    number: int
    label: str
    record: SavedRun
    facts: Facts


class Estimate(NamedTuple):
    """A metric's final value over the seeds that have one."""

    middle: float
    low: float
    high: float
    seeds: int


class Group(NamedTuple):
    """Runs that differ only in the seed. options: the values of those options that differ between groups."""

    number: int
    label: str
    runs: Sequence[View]
    options: dict[str, Any]

    def estimate(self, metric: str) -> Estimate | None:
        values = np.array([run.record.final[metric] for run in self.runs if metric in run.record.final])
        return Estimate(*summary(values), len(values)) if len(values) else None


def differing(configs: Sequence[dict[str, Any]]) -> list[str]:
    """The options whose values differ between configurations, in order of appearance. With several recipes, an option
    is compared among the configurations that have it."""
    keys = dict.fromkeys(key for config in configs for key in config)
    several = len({config.get("recipe") for config in configs}) > 1

    def values(key: str) -> set[str]:
        return {_frozen(config.get(key, ABSENT)) for config in configs if key in config or not several}

    return [key for key in keys if len(values(key)) > 1]


def grouped(records: Sequence[SavedRun], facts: Sequence[Facts]) -> list[Group]:
    """The groups, in the order of their first runs."""
    settings = [{k: v for k, v in record.config.items() if _tells_apart(k)} for record in records]
    options = differing(settings)
    together: dict[str, list[int]] = {}
    for index, config in enumerate(settings):
        together.setdefault(_frozen(config), []).append(index)
    groups, number = [], 0
    for place, indices in enumerate(together.values()):
        config = settings[indices[0]]
        values = {option: config.get(option, ABSENT) for option in options}
        label = records[indices[0]].recipe
        if sum(settings[others[0]]["recipe"] == label for others in together.values()) > 1 or len(together) == 1:
            label = _label(label, values)
        views = []
        for index in indices:
            views.append(View(number, _run_label(records, indices, index, label), records[index], facts[index]))
            number += 1
        groups.append(Group(place, label, views, values))
    return groups


def ranked(groups: Sequence[Group], target: Target | None) -> list[Group]:
    """Sorts and renumbers the groups: the best by the target first, then those with a diverged run, and those without
    the metric last. Without a target their order is kept."""

    def place(group: Group) -> tuple[int, float]:
        estimate = group.estimate(target.metric) if target else None
        sign = -1.0 if target and target.higher else 1.0
        if estimate is None or not math.isfinite(estimate.middle):
            return (2 if estimate is None else 1), 0.0
        return 0, sign * estimate.middle

    return [group._replace(number=number) for number, group in enumerate(sorted(groups, key=place))]


def shared_target(views: Sequence[View]) -> Target | None:
    """The target whose metric most runs have measured, the first of equals. A target on the test split also counts in
    the form that training measures, on val or eval."""
    everything = [both for view in views for target in view.facts.targets for both in (target, *_watched(target))]
    targets = list(dict.fromkeys(map(_key, everything)))
    known = {_key(target): target for target in reversed(everything)}
    counts = [sum(metric in view.record.final for view in views) for metric, _ in targets]
    return known[targets[counts.index(max(counts))]] if targets else None


def _watched(target: Target) -> list[Target]:
    return [dataclasses.replace(target, metric=metric) for metric in watched(target.metric)]


def watched(metric: str) -> list[str]:
    """The names of a test metric on the splits that training evaluates on."""
    split, _, name = metric.partition("/")
    return [f"val/{name}", f"eval/{name}"] if split == "test" else []


def _key(target: Target) -> tuple[str, bool]:
    return target.metric, target.higher


def _label(recipe: str, values: dict[str, Any]) -> str:
    changed = {key: value for key, value in values.items() if key not in ("recipe", "preset") and value != ABSENT}
    name = recipe if "recipe" in values or not changed else ""
    return ", ".join([*([name] if name else []), *(f"{key} {text(value)}" for key, value in changed.items())][:4])


def _run_label(records: Sequence[SavedRun], indices: Sequence[int], index: int, label: str) -> str:
    """The run's seed, or its folder where several runs of the group have that seed."""
    if len(records) == 1:
        return records[index].recipe
    alone = sum(records[other].seed == records[index].seed for other in indices) == 1
    return f"{label}, " + (f"seed {records[index].seed}" if alone else records[index].folder.name)


def text(value: Any) -> str:
    """An option's value, as on the command line."""
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _tells_apart(key: str) -> bool:
    return key != "seed" and key.partition(".")[0] not in WATCHING


def _frozen(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
