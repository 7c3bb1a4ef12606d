"""The curves of a report, encoded for the page's script: a figure per metric, with a band over a group's seeds."""

from __future__ import annotations

import base64
import colorsys
from collections.abc import Sequence
from typing import Any

import numpy as np

from dlplug.runs.metrics_file import Series
from dlplug_report.page.groups import Group, View
from dlplug_report.page.thinning import Floats, band, thin

POINTS = 100_000  # of a report's curves together: about 2 MB
FEWEST, MOST = 100, 2000  # points of one curve
# ten colours that are visible on white and on near black (Tableau 10), then hues by the golden angle
PALETTE = (
    "#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#76b7b2", "#edc948", "#ff9da7", "#9c755f", "#8f8f8f",
)  # fmt: skip


def colour(number: int) -> str:
    if number < len(PALETTE):
        return PALETTE[number]
    red, green, blue = colorsys.hls_to_rgb(number * 0.61803 % 1, 0.55, 0.5)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def figures(groups: Sequence[Group], first: Sequence[str]) -> list[dict[str, Any]]:
    """A figure for each metric that some run has a curve of, those in `first` first.

    Each has `name`, `curves` (`run`, `x` with an array for each axis, `y`) and `bands` (`group`, and for each axis its
    arrays); arrays are little-endian float32 in base64: seven digits.
    """
    views = [view for group in groups for view in group.runs]
    available = sorted({name for view in views for name, series in view.record.series.items() if len(series.value) > 1})
    names = list(dict.fromkeys([*(name for name in first if name in available), *available]))
    count = sum(name in view.record.series for name in names for view in views)
    limit = max(FEWEST, min(MOST, POINTS // max(count, 1)))
    return [
        {
            "name": name,
            "curves": [_curve(view, view.record.series[name], limit) for view in views if name in view.record.series],
            "bands": [_bands(group, name) for group in groups if _seeds(group, name) > 1],
        }
        for name in names
    ]


def _curve(view: View, series: Series, limit: int) -> dict[str, Any]:
    index = thin(series.value, limit)
    axes = {axis: packed(x[index]) for axis, x in _axes(series).items()}
    return {"run": view.number, "x": axes, "y": packed(series.value[index])}


def _bands(group: Group, name: str) -> dict[str, Any]:
    series = [view.record.series[name] for view in group.runs if name in view.record.series]
    axes = {}
    for axis in _axes(series[0]):
        curves = [(_axes(one)[axis], one.value) for one in series if axis in _axes(one)]
        axes[axis] = {key: packed(values) for key, values in band(curves)._asdict().items()}
    return {"group": group.number, "axes": axes}


def _seeds(group: Group, name: str) -> int:
    return sum(name in view.record.series for view in group.runs)


def _axes(series: Series) -> dict[str, Floats]:
    """The x axes on which every point has a finite value."""
    axes = {"step": series.step, "seconds": series.seconds, "count": series.counted}
    return {axis: x for axis, x in axes.items() if len(x) and np.isfinite(x).all()}


def packed(values: Floats) -> str:
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")
