"""The contents of a report, from which HTML, Markdown and W&B are written."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dlplug.host.plugins import Host
from dlplug.recipes import Target
from dlplug.runs.reader import read_run
from dlplug_report.page.facts import facts_of
from dlplug_report.page.groups import Group, View, grouped, ranked, shared_target, watched


class Report(NamedTuple):
    """groups: sorted, the best by the target first. options: the options that differ between groups. target: the target
    by which they are sorted, or None. first: the most important metrics. created: date and time."""

    title: str
    groups: Sequence[Group]
    options: Sequence[str]
    target: Target | None
    first: Sequence[str]
    created: str

    @property
    def measured(self) -> list[str]:
        """The metrics in `first` that some run has measured."""
        return [metric for metric in self.first if any(metric in view.record.final for view in self.views)]

    @property
    def sorted(self) -> bool:
        return self.target is not None and self.target.metric in self.measured

    @property
    def claim(self) -> Target | None:
        """The target, if all runs have the same claim about its metric; a bar for one game is none for another."""
        target = self.target
        if target is None or not target.stated:
            return None
        same = (target.metric, target.bar, target.protocol)
        claims = [{(t.metric, t.bar, t.protocol) for t in view.facts.targets} for view in self.views]
        everyone = all(view.facts.comparable(target) for view in self.views)
        alone = all({claim for claim in stated if claim[0] == target.metric} == {same} for stated in claims)
        return target if everyone and alone else None

    @property
    def views(self) -> list[View]:
        return [view for group in self.groups for view in group.runs]


def build(folders: Sequence[Path], host: Host) -> Report:
    """Reads the run folders and puts them side by side. Raises UserError for a folder without a configuration."""
    records = [read_run(folder) for folder in folders]
    usual: dict[object, dict[str, object]] = {}
    facts = [facts_of(host, record, usual) for record in records]
    groups = grouped(records, facts)
    views = [view for group in groups for view in group.runs]
    target = shared_target(views)
    metrics = [*_metrics([target])] if target else []
    metrics += [m for view in views for m in (*_metrics(view.facts.targets), *view.facts.watch)]
    options = list(groups[0].options)
    created = time.strftime("%Y-%m-%d %H:%M")
    return Report(_title(groups), ranked(groups, target), options, target, list(dict.fromkeys(metrics)), created)


def _metrics(targets: Iterable[Target]) -> Iterator[str]:
    """The targets' metrics, each test metric followed by its names on the splits that training evaluates on."""
    for target in targets:
        yield target.metric
        yield from watched(target.metric)


def _title(groups: Sequence[Group]) -> str:
    recipes = list(dict.fromkeys(view.record.recipe for group in groups for view in group.runs))
    count = sum(len(group.runs) for group in groups)
    named = ", ".join(recipes[:4]) + (f" and {len(recipes) - 4} more" if len(recipes) > 4 else "")
    return named if count == 1 else f"{named}: {count} runs"
