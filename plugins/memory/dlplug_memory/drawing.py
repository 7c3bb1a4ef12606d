"""The papers' figures: a sequence and the heads' weights over time; the memory; the order in which it was written."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dlplug import Image
from dlplug_memory.cells.recurrent import Look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger("dlplug")

SEEN = 0.02  # weight from which a slot counts as used


class Film(NamedTuple):
    """A sequence x (T, inputs), its target and the network's answer (T, answers), and what its memory was at each step:
    none for a network without one."""

    x: Tensor
    target: Tensor
    answer: Tensor
    looks: list[Look]


def new_figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure((width, height), dpi=120, layout="constrained")


def draw(figure: Figure, caption: str) -> Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image(np.asarray(canvas.buffer_rgba())[..., :3].copy(), caption)


def solved(film: Film, said: str) -> Image:
    """Panels over one axis of time, as figures 4 and 6 of Graves et al. 2014, and the memory at the end."""
    panels = [("input", film.x), ("target", film.target), ("output", film.answer)]
    slots = used(film.looks)
    if film.looks:
        panels += heads("write", [look.write_weights for look in film.looks], slots)
        panels += heads("read", [look.read_weights for look in film.looks], slots)
    heights = [max(1.0, min(4.0, values.shape[1] / 12)) for _, values in panels]
    figure = new_figure(max(7.0, min(16.0, len(film.x) / 12)) + 2.5 * bool(film.looks), 1 + 1.1 * sum(heights))
    figure.suptitle(said)
    grid: Any = figure.add_gridspec(len(panels), 2 if film.looks else 1, height_ratios=heights)
    if film.looks:
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
    figure.axes[-1].set_xlabel("step")
    if film.looks:
        show_memory(figure.add_subplot(grid[:, 1]), film.looks[-1].memory[slots], slots)
    return draw(figure, said)


def used(looks: list[Look]) -> list[int]:
    """The shortest row of neighbours that has every slot a head looked at. Slots are a ring: a row that goes over its
    end begins with negative numbers, -1 for the last slot."""
    if not looks:
        return []
    weights = torch.stack([torch.cat([look.read_weights, look.write_weights]).amax(0) for look in looks]).amax(0)
    slots = (weights > SEEN).nonzero()[:, 0].tolist()
    if not slots:
        return list(range(len(weights)))
    following = [*slots[1:], slots[0] + len(weights)]
    gap, before = max((after - slot, slot) for slot, after in zip(slots, following, strict=True))
    return list(range(before + gap - len(weights), before + 1))


def heads(name: str, weights: list[Tensor], slots: list[int]) -> list[tuple[str, Tensor]]:
    """A panel (T, slots) for each head of weights (heads, N) at each step, of the slots that were used."""
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
    axes.set(title="memory\nat the end", xlabel="component", ylabel="slot")
    number_slots(axes.yaxis)


def number_slots(axis: Any) -> None:
    """Ticks at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def links(looks: list[Look]) -> Image:
    """The link matrix (Graves et al. 2016): dark where the row's slot was written right after the column's."""
    slots = used(looks)
    matrix = looks[-1].links
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
    axes.set(xlabel="slot j", ylabel="slot i, written right after j", title="temporal link matrix at the end")
    number_slots(axes.xaxis)
    number_slots(axes.yaxis)
    figure.colorbar(image, ax=axes, label="L[i, j]")
    return draw(figure, "which slot was written after which")
