"""A run in a notebook: one live line while it goes on, and what it shows of itself afterwards."""

from __future__ import annotations

import html
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlplug.output import say_to

if TYPE_CHECKING:
    from dlplug.runs.run import Run

WIDTH, HEIGHT = 360, 120  # of the curve, in pixels
MOST_POINTS = 360
PAUSE = 0.2  # seconds between two updates of the line


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


def say_by_default() -> None:
    """Prints the program's lines where nobody has said what becomes of them."""
    logger = logging.getLogger("dlplug")
    if in_notebook() and not logger.handlers:
        logger.propagate = False  # some notebooks' own handler would show them again
        say_to("stdout")
    elif not logger.hasHandlers():
        say_to("stdout")


class Line:
    """One line of a cell's output that is replaced in place; as `rich.live.Live` is used."""

    def start(self) -> None:
        from IPython.display import display  # pyright: ignore[reportMissingImports]

        self.text, self.shown_at = "", time.monotonic()
        self.handle: Any = display({"text/plain": ""}, raw=True, display_id=True)

    def update(self, text: str, *, refresh: bool = True) -> None:
        self.text = text
        if time.monotonic() - self.shown_at >= PAUSE:
            self.show()

    def show(self) -> None:
        self.shown_at = time.monotonic()
        page = f"<pre>{html.escape(self.text)}</pre>"
        self.handle.update({"text/plain": self.text, "text/html": page}, raw=True)

    def stop(self) -> None:
        self.show()


def sentence(run: Run) -> str:
    """<Run digits: finished after 400 steps, val/accuracy 0.97; runs/digits/…>"""
    result = run.outcome()
    status = f"{result['status']} after {result['steps']:,} steps" if result else f"at step {run.step:,}"
    numbers = "".join(f", {name} {value:.4g}" for name, value in _numbers(run, result)[:3])
    return f"<Run {run.recipe}: {status}{numbers}; {run.folder}>"


def page(run: Run) -> str:
    """The run as HTML: its name, how it ended, its numbers and its loss."""
    result = run.outcome()
    status = f"{result['status']} after {result['steps']:,} steps, {result['seconds']:.0f} s" if result else "no result"
    rows = "".join(
        f"<tr><td style='text-align:left'>{html.escape(name)}</td><td>{value:.4g}</td></tr>"
        for name, value in _numbers(run, result)
    )
    title = f"<b>{html.escape(run.recipe)}</b>, seed {run.seed}: {status}"
    return (
        f"<div>{title}<br><code>{html.escape(str(run.folder))}</code><table>{rows}</table>{_curves(run.folder)}</div>"
    )


def _numbers(run: Run, result: dict[str, Any]) -> list[tuple[str, float]]:
    """What was measured, held out first; a number that is not finite stands as nan."""
    values = run.latest or result.get("metrics", {})
    named = [(name, float("nan") if value is None else value) for name, value in values.items()]
    return sorted(named, key=lambda pair: pair[0].startswith("train/"))


def _curves(folder: Path) -> str:
    """The training losses over the steps, as SVG; "" where none was logged twice."""
    from dlplug.runs.metrics_file import read_metrics

    losses = {
        name: list(zip(series.step.tolist(), series.value.tolist(), strict=True))
        for name, series in read_metrics(folder).series.items()
        if name.startswith("train/") and name.endswith("loss")
    }
    return "".join(_curve(name, points) for name, points in losses.items() if len(points) > 1)


def _curve(name: str, points: list[tuple[float, float]]) -> str:
    points = points[:: -(-len(points) // MOST_POINTS)]
    first, last = points[0][0], points[-1][0]
    low, high = min(y for _, y in points), max(y for _, y in points)
    drawn = " ".join(
        f"{WIDTH * (x - first) / max(last - first, 1):.1f},{HEIGHT * (high - y) / ((high - low) or 1):.1f}"
        for x, y in points
    )
    line = f"<polyline points='{drawn}' fill='none' stroke='#1f77b4' stroke-width='1.5'/>"
    figure = f"<svg width='{WIDTH}' height='{HEIGHT}' style='overflow:visible'>{line}</svg>"
    label = f"{html.escape(name)}: {low:.4g} to {high:.4g}, steps {first:,} to {last:,}"
    return f"<figure style='margin:8px 0'>{figure}<figcaption><small>{label}</small></figcaption></figure>"
