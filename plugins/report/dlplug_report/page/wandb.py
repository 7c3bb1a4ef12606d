"""A report as a W&B Report, by wandb-workspaces: the same sections; W&B draws the curves of its runs."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dlplug.errors import UserError
from dlplug.output import command, tool
from dlplug_report.page import sections
from dlplug_report.page.groups import View, text
from dlplug_report.page.markdown import escaped
from dlplug_report.page.model import Report

if TYPE_CHECKING:
    from wandb import Api

ANSWER_SECONDS = 5.0
CURVES = 24  # most plots of a panel grid; more make a page slow
OFFLINE = "the local report has been written"


class Place(NamedTuple):
    """Where the runs are on W&B: entity, project and run ids."""

    entity: str
    project: str
    runs: Sequence[str]


def publish(report: Report) -> str:
    """Creates the W&B Report and returns its address.

    Raises UserError where wandb-workspaces, a key or a server is missing, and for runs that W&B does not have; it says
    what to do. Never prompts.
    """
    try:
        import wandb
        from wandb_workspaces.reports import v2
    except ModuleNotFoundError as error:
        raise UserError(f"--wandb needs {error.name}: pip install wandb wandb-workspaces; {OFFLINE}") from None
    os.environ.setdefault("WANDB_SILENT", "true")
    wr: Any = v2  # its names are not exported for type checkers
    _online(wandb)
    try:
        api = wandb.Api(timeout=60)
        place = _place(report, api)
        written = wr.Report(
            entity=place.entity, project=place.project, title=report.title[:128],
            description=f"Created {report.created}"
            " by dlplug report.", blocks=blocks(report, place, wr), width="fluid",
        )  # fmt: skip
        return written.save().url
    except UserError:
        raise
    except Exception as error:  # any error of wandb: no permission for the project, an unreachable server
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"W&B refused the report: {line}; {OFFLINE}") from None


def blocks(report: Report, place: Place, wr: Any) -> list[Any]:
    """The sections in order. wr: wandb_workspaces.reports.v2."""
    several = len(report.views) > 1
    runs = _runset(report, place, wr)
    content = [wr.H2("What was run"), wr.MarkdownBlock(_compared(report) if several else _rows(report.views[0]))]
    content += [wr.H2("Result"), wr.MarkdownBlock(_results(report))]
    if curves := _curves(report):
        panels = [
            wr.LinePlot(title=name, x="step", y=[name], layout=_at(index, wr)) for index, name in enumerate(curves)
        ]
        content += [wr.H2("Curves"), wr.PanelGrid(runsets=[runs], panels=panels)]
    logged = [medium for view in report.views for medium in view.record.media if not medium.sampled]
    if media := list(dict.fromkeys(medium.name for medium in logged)):
        panel = wr.MediaBrowser(media_keys=media, num_columns=4, layout=wr.Layout(w=24, h=14))
        content += [wr.H2("Pictures, videos, texts"), wr.PanelGrid(runsets=[runs], panels=[panel])]
    if several:
        panel = wr.RunComparer(diff_only="split", layout=wr.Layout(w=24, h=14))
        content += [wr.H2("Side by side"), wr.PanelGrid(runsets=[runs], panels=[panel])]
    commands = list(dict.fromkeys(view.facts.command for view in report.views))
    content += [wr.H2("How to reproduce it"), wr.CodeBlock(code="\n".join(commands), language=None)]
    return content


def _online(wandb: Any) -> None:
    """Raises UserError where W&B cannot be reached with a key, before wandb would prompt or wait for minutes."""
    if os.environ.get("WANDB_MODE") in ("offline", "dryrun", "disabled"):
        raise UserError(f"--wandb: WANDB_MODE is {os.environ['WANDB_MODE']}; unset it to write a W&B Report; {OFFLINE}")
    from wandb.sdk.lib.wbauth import authenticate_session  # what Api itself calls; here without a prompt

    server = str(wandb.setup().settings.base_url)
    if authenticate_session(host=server, source="dlplug report", prompt=False) is None:
        raise UserError(f"--wandb: no API key for {server}: `wandb login` or WANDB_API_KEY gives one; {OFFLINE}")
    try:
        with urllib.request.urlopen(server, timeout=ANSWER_SECONDS):
            return
    except urllib.error.HTTPError as error:
        silence = f"HTTP {error.code}" if error.code >= 500 else ""
    except (OSError, ValueError) as error:
        silence = str(getattr(error, "reason", error))
    if silence:
        raise UserError(f"--wandb: {server} does not answer ({silence}): try again when online; {OFFLINE}")


def _place(report: Report, api: Api) -> Place:
    """Where the runs are on W&B. Raises UserError where a run is missing, or they are in several projects."""
    places = {
        (
            view.record.config.get("wandb.entity") or os.environ.get("WANDB_ENTITY") or api.default_entity or "",
            view.record.config.get("wandb.project") or os.environ.get("WANDB_PROJECT") or "dlplug",
        )
        for view in report.views
    }
    if len(places) > 1:
        named = ", ".join(sorted(f"{entity}/{project}" for entity, project in places))
        raise UserError(f"--wandb: a W&B Report belongs to one project, and these runs are in {named}; {OFFLINE}")
    ((entity, project),) = places
    for view in report.views:
        name = _name(view)
        try:
            if name:
                api.run(f"{entity}/{project}/{name}")
                continue
        except Exception as error:
            if "not find run" not in str(error):
                raise
        folder = view.record.folder
        again = command("run", view.record.recipe, "--wandb", "offline")
        missing = f"{tool('wandb')} sync {folder}/wandb/offline-run-*" if name else f"`{again}` logs a run for it"
        raise UserError(f"--wandb: {folder} is not in {entity}/{project}: {missing}; {OFFLINE}")
    return Place(entity, project, [_name(view) for view in report.views])


def _name(view: View) -> str:
    """The id of a run on W&B; "" for a run that was not logged there."""
    try:
        return str(json.loads((view.record.folder / "wandb.json").read_text(encoding="utf-8"))["id"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _runset(report: Report, place: Place, wr: Any) -> Any:
    """The runs of the report; the seeds of one configuration are grouped."""
    names = ", ".join(f"'{name}'" for name in place.runs)
    seeds = any(len(group.runs) > 1 for group in report.groups)
    options = [f"config.{option.replace('.', '/')}" for option in report.options] or ["run.group"]
    return wr.Runset(
        entity=place.entity, project=place.project, name=report.title, filters=f"Metric('ID') in [{names}]",
        groupby=options if seeds else [],
    )  # fmt: skip


def _curves(report: Report) -> list[str]:
    """The metrics that some run has a curve of, the most important first."""
    available = sorted(
        {n for view in report.views for n, series in view.record.series.items() if len(series.value) > 1}
    )
    return [*(name for name in report.first if name in available), *(n for n in available if n not in report.first)][
        :CURVES
    ]


def _at(index: int, wr: Any) -> Any:
    """The layout of a plot: three per row of the grid's 24 columns."""
    return wr.Layout(x=8 * (index % 3), y=6 * (index // 3), w=8, h=6)


def _rows(view: View) -> str:
    """A table of what was run, its throughput, the machine and the changed options."""
    rows = [*sections.parts(view), *sections.pace(view.record), *sections.machine(view.record)]
    rows += [(change.option, text(change.here)) for change in view.facts.changes]
    return _table(["", ""], [[escaped(label), escaped(value)] for label, value in rows])


def _compared(report: Report) -> str:
    """A table of the options that differ, with a row for each configuration."""
    head = ["configuration", *map(escaped, report.options), "runs"]
    lines = [
        [
            escaped(group.label),
            *(escaped(text(group.options[option])) for option in report.options),
            str(len(group.runs)),
        ]
        for group in report.groups
    ]
    return _table(head, lines)


def _results(report: Report) -> str:
    """A table of the claims with the measured values and verdicts of each run."""
    lines = []
    for view in report.views:
        standing = escaped(sections.standing(view.record))
        verdicts = sections.verdicts(view)
        for verdict in verdicts:
            reached = {True: "reached", False: "not reached", None: ""}[verdict.reached]
            lines.append([escaped(view.label), standing, escaped(verdict.claim), escaped(verdict.value), reached,
                          escaped(verdict.protocol)])  # fmt: skip
        if not verdicts:
            lines.append([escaped(view.label), standing, "none is stated", "", "", ""])
    return _table(["run", "status", "target", "measured", "", "protocol"], lines)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
