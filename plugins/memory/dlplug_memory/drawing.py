"""The papers' figures: a sequence and the heads' weightings over time, the memory, and the temporal links."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import torch
from dlplug_figures.figure import new_figure, to_image
from torch import Tensor

from dlplug import Image
from dlplug_memory.cells.recurrent import Snapshot

log = logging.getLogger("dlplug")

USED = 0.02  # slots with a larger weight count as used


class Trace(NamedTuple):
    """A sequence x (T, inputs), its target and the network's output (T, answers), and snapshots after each step, none
    for a network without a memory."""

    x: Tensor
    target: Tensor
    answer: Tensor
    snapshots: list[Snapshot]


def sequence_figure(trace: Trace, title: str) -> Image:
    """Panels over a common time axis, as in figures 4 and 6 of Graves et al. 2014, and the final memory."""
    panels = [("input", trace.x), ("target", trace.target), ("output", trace.answer)]
    slots = used_slots(trace.snapshots)
    if trace.snapshots:
        panels += head_panels("write", [snapshot.write_weights for snapshot in trace.snapshots], slots)
        panels += head_panels("read", [snapshot.read_weights for snapshot in trace.snapshots], slots)
    heights = [max(1.0, min(4.0, values.shape[1] / 12)) for _, values in panels]
    figure = new_figure(max(7.0, min(16.0, len(trace.x) / 12)) + 2.5 * bool(trace.snapshots), 1 + 1.1 * sum(heights))
    figure.suptitle(title)
    grid: Any = figure.add_gridspec(len(panels), 2 if trace.snapshots else 1, height_ratios=heights)
    if trace.snapshots:
        grid.set_width_ratios([5, 1])
    for row, (name, values) in enumerate(panels):
        axes = figure.add_subplot(grid[row, 0])
        low = min(0.0, float(values.min()))
        weights = name.startswith(("write", "read"))
        extent = (-0.5, len(values) - 0.5, slots[0] - 0.5, slots[-1] + 0.5) if weights else None
        most = max(1e-6, float(values.max())) if weights else max(1.0, float(values.max()))
        axes.imshow(
            values.T,
            cmap="Blues" if weights else "viridis",
            vmin=low,
            vmax=most,
            aspect="auto",
            interpolation="nearest",
            origin="lower",
            extent=extent,
        )
        axes.set_ylabel(f"{name}\n(slot; ≤ {most:.2g})" if weights else name)
        axes.tick_params(labelbottom=row == len(panels) - 1)
        if not weights:
            axes.set_yticks([])
    figure.axes[-1].set_xlabel("time step")
    if trace.snapshots:
        show_memory(figure.add_subplot(grid[:, 1]), trace.snapshots[-1].memory[slots], slots)
    return to_image(figure, title)


def used_slots(snapshots: list[Snapshot]) -> list[int]:
    """The shortest range of adjacent slots that contains every used slot. Slots form a ring: a range across its end
    begins with negative numbers, -1 for the last slot."""
    if not snapshots:
        return []
    weights = torch.cat([part for each in snapshots for part in (each.read_weights, each.write_weights)]).amax(0)
    slots = (weights > USED).nonzero()[:, 0].tolist()
    if not slots:
        return list(range(len(weights)))
    following = [*slots[1:], slots[0] + len(weights)]
    gap, before = max((after - slot, slot) for slot, after in zip(slots, following, strict=True))
    return list(range(before + gap - len(weights), before + 1))


def head_panels(name: str, weights: list[Tensor], slots: list[int]) -> list[tuple[str, Tensor]]:
    """One panel (T, slots) per head with the weights of the used slots, from weights (heads, N) at each step."""
    over_time = torch.stack(weights, 1)[:, :, slots]
    numbered = [f"{name} {number}" for number in range(1, len(over_time) + 1)] if len(over_time) > 1 else [name]
    return list(zip(numbered, over_time, strict=True))


def show_memory(axes: Any, memory: Tensor, slots: list[int]) -> None:
    reach = max(1e-3, float(memory.abs().max()))
    extent = (-0.5, memory.shape[1] - 0.5, slots[0] - 0.5, slots[-1] + 0.5)
    axes.imshow(
        memory, cmap="RdBu_r", vmin=-reach, vmax=reach, aspect="auto", interpolation="nearest", origin="lower",
        extent=extent,
    )  # fmt: skip
    axes.set(title="final\nmemory", xlabel="component", ylabel="slot")
    integer_ticks(axes.yaxis)


def integer_ticks(axis: Any) -> None:
    """Ticks at integers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def link_figure(snapshots: list[Snapshot]) -> Image:
    """The link matrix (Graves et al. 2016): dark where the row's slot was written right after the column's slot."""
    slots = used_slots(snapshots)
    matrix = snapshots[-1].links
    assert matrix is not None
    figure = new_figure(5.5, 4.8)
    axes = figure.subplots()
    ends = slots[0] - 0.5, slots[-1] + 0.5
    image = axes.imshow(
        matrix[slots][:, slots],
        cmap="Blues",
        vmin=0,
        vmax=1,
        interpolation="nearest",
        origin="lower",
        extent=(*ends, *ends),
    )
    axes.set(xlabel="slot j", ylabel="slot i, written right after j", title="final temporal link matrix")
    integer_ticks(axes.xaxis)
    integer_ticks(axes.yaxis)
    figure.colorbar(image, ax=axes, label="L[i, j]")
    return to_image(figure, "final temporal link matrix: which slot was written after which")
