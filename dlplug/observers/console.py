"""The terminal's output: a header, a live progress line (plain lines where it is no terminal), closing lines."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Literal

from dlplug.claims.targets import evaluated, none_stated_for, verdicts
from dlplug.host.hookspecs import hookimpl
from dlplug.media import Media
from dlplug.output import command, duration
from dlplug.ranges import NonNegativeFloat
from dlplug.runs.notebook import Line, in_notebook
from dlplug.runs.run import Run

log = logging.getLogger("dlplug")

MOST_TARGETS = 3  # in the header
RECENT = 32  # lines over which the rate is measured


class Console:
    """Progress on the terminal.

    show: live draws one moving line on a terminal and prints plain lines elsewhere; plain always prints lines;
        off shows nothing.
    seconds: shortest time between two plain lines.
    """

    def __init__(
        self, *, show: Literal["live", "plain", "off"] = "live", seconds: NonNegativeFloat = 10.0, run: Run
    ) -> None:
        if show != "off":
            log.info(title(run))  # before any output from building data and model
        self.on, self.seconds = show != "off", seconds
        self.live = show == "live" and (sys.stdout.isatty() or in_notebook())
        self.printed_at = float("-inf")
        self.line: Any = None

    @hookimpl(tryfirst=True)
    def run_started(self, run: Run) -> None:
        self.began = time.monotonic(), counted(run)
        self.recent: deque[tuple[float, int]] = deque(maxlen=RECENT)
        for line in header(run)[1:] if self.on else ():
            log.info(line)
        if self.on and self.live:
            self.line = Line() if in_notebook() else _terminal_line()
            self.line.start()

    @hookimpl
    def logged(self, run: Run, step: int, values: Mapping[str, Any]) -> None:
        if not self.on:
            return
        media = {name: value for name, value in values.items() if isinstance(value, Media)}
        measured = not any(name.startswith("train/") for name in values)
        if self.line is not None and not measured:
            self.line.update(self.progress(run), refresh=True)
        elif measured or time.monotonic() - self.printed_at >= self.seconds:
            self.printed_at = time.monotonic()
            numbers = {name: value for name, value in values.items() if "/" in name and name not in media}
            log.info(self.progress(run, numbers if measured else None))
        for name, value in media.items():
            log.info(f"{name}: {value.path}")

    @hookimpl
    def run_finished(self, run: Run, result: Mapping[str, Any]) -> None:
        if self.line is not None:
            self.line.stop()
        for line in closing(run, result) if self.on else ():
            log.info(line)

    def progress(self, run: Run, values: Mapping[str, float] | None = None) -> str:
        """The progress line: percentage, count, rate, time left, and the watched numbers."""
        in_steps = run.unit not in run.config
        unit, limit = ("steps", run.config.get("steps", run.length)) if in_steps else (run.unit, run.config[run.unit])
        done = counted(run)
        rate = self.rate(done)
        left = f"{duration(round((limit - done) / rate))} left" if rate > 0 and done < limit else ""
        watched = values if values is not None else watch(run)
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in watched.items())
        share = min(1.0, done / max(1, limit))  # parallel environments may exceed the limit by a few frames
        parts = [f"{share:4.0%}", f"{done:,} {unit}", f"{rate:,.0f}/s", left, numbers]
        return "  ".join(part for part in parts if part)

    def rate(self, done: int) -> float:
        """The rate since an earlier line, so that compiling or filling a replay buffer slows the first line alone."""
        now = time.monotonic()
        then, before = next((point for point in self.recent if point[1] < done), self.began)
        if done > (self.recent[-1] if self.recent else self.began)[1]:
            self.recent.append((now, done))
        return (done - before) / max(now - then, 1e-9)


def counted(run: Run) -> int:
    """What the run's length is counted in: steps, or the data's own unit."""
    return run.count if run.unit in run.config else run.step


def _terminal_line() -> Any:
    from rich.live import Live

    return Live("", auto_refresh=False, transient=True)


def title(run: Run) -> str:
    return f"{'resuming ' if run.resumed else ''}{run.recipe}, seed {run.seed}"


def header(run: Run) -> list[str]:
    """Recipe, device, folder, preset and targets, with the other presets."""
    lines = [title(run), f"{run.device}; {run.parameters:,} parameters; in {run.folder}"]
    others = [name for name in run.definition.presets if name != run.preset]
    if run.preset:
        summary = run.definition.presets[run.preset].summary
        lines.append(f"preset {run.preset}: {summary} (others: {', '.join('--preset ' + o for o in others)})")
    targets = [target for target in run.targets if target.stated]
    lines += [f"target: {target}" for target in targets[:MOST_TARGETS]]
    if not targets and (others := none_stated_for(run.host, run.config | evaluated(run.host, run.config))):
        lines.append(f"target: none is stated for {others}")
    if (more := len(targets) - MOST_TARGETS) > 0:
        lines.append(f"and {more} more targets: {command('show', run.recipe)}")
    return lines


def closing(run: Run, result: Mapping[str, Any]) -> list[str]:
    took = duration(round(result["seconds"]))
    lines = [f"{result['status']} after {result['steps']:,} steps and {took}: {run.folder}"]
    if "protocol" in result and result["metrics"]:
        lines.append(f"protocol: {result['protocol']}")
    if result["status"] == "finished":
        lines += verdicts(run.judged, result["metrics"])
        open_targets = [t for t in run.targets if t.stated and not (t in run.judged and t.metric in result["metrics"])]
        if open_targets:
            names = ", ".join(target.metric for target in open_targets[:MOST_TARGETS])
            lines.append(f"whether the target is reached ({names}): {command('eval', run.folder)}")
        if not result["steps"]:
            lines.append("nothing was learnt: the length was reached before the first step")
    else:
        lines.append(run.way_on())
    return lines


def watch(run: Run) -> dict[str, float]:
    """The numbers for the progress line: those of `Recipe.watch`, or else the targets' metrics and the losses."""
    wanted = run.definition.watch or [*(t.metric for t in run.targets), *(n for n in run.latest if n.endswith("loss"))]
    return {name: run.latest[name] for name in list(wanted)[:3] if name in run.latest}
