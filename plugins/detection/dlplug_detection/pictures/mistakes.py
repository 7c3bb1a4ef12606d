"""The worst mistakes of a detector by kind, as a figure."""

from __future__ import annotations

from typing import Any

import numpy as np
from dlplug_figures.figure import new_figure, to_image
from dlplug_figures.images import show

from dlplug import Fraction, PositiveInt
from dlplug_detection.boxes.batches import Detector, HeldOut
from dlplug_detection.measures.detection import detected
from dlplug_detection.measures.mistakes import KINDS, Mistake, mistakes_of

CONTEXT = 0.6  # how much is shown around a box on each side, as a share of its size
LEAST = 12  # and at least that many pixels


def mistakes(model: Detector, data: HeldOut, *, count: PositiveInt = 6, score: Fraction = 0.5) -> dict[str, Any]:
    """The worst mistakes of each kind: objects missed (largest first), found where nothing is, given a wrong class,
    badly placed, or found twice (most confident first); and how many there are.

    count: number of mistakes of each kind to show.
    score: lowest score of a detection that counts.
    """
    wrong = mistakes_of(detected(model, data.images), data.targets, score)
    by_kind = {kind: [one for one in wrong if one.kind == kind] for kind in KINDS}
    figure = new_figure(1.7 * count + 1, 1.9 * len(KINDS))
    objects = int(data.targets.counts.sum())
    figure.suptitle(f"{len(wrong)} mistakes on {objects} objects in {len(data.images)} images, scores ≥ {score:g}")
    for row, (kind, found) in zip(figure.subplots(len(KINDS), count, squeeze=False), by_kind.items(), strict=True):
        for axes in row:
            axes.axis("off")
        row[0].set_title(f"{kind}: {len(found)}", loc="left", fontsize=9, fontweight="bold")
        for axes, mistake in zip(row, found, strict=False):
            draw(axes, mistake, data)
    numbers = {kind.replace(" ", "_"): len(found) for kind, found in by_kind.items()}
    return {"mistakes": to_image(figure, "the worst mistakes by kind"), **numbers}


def draw(axes: Any, mistake: Mistake, data: HeldOut) -> None:
    """The surroundings of a mistake, its box, and the true boxes in grey."""
    n, box = mistake.image, np.array(mistake.box)
    margin = np.maximum(LEAST, CONTEXT * (box[2:] - box[:2]))
    low, high = np.floor(box[:2] - margin).clip(0), np.ceil(box[2:] + margin)
    show(axes, data.images[n])
    for other in data.targets.boxes[n, : int(data.targets.counts[n])].tolist():
        axes.add_patch(outline(other, "0.7", 1.0))
    axes.add_patch(outline(mistake.box, "#D55E00", 1.6))
    height, width = data.images.shape[1:3]
    axes.set_xlim(low[0] - 0.5, min(high[0], width) - 0.5)
    axes.set_ylim(min(high[1], height) - 0.5, low[1] - 0.5)
    axes.text(0.5, -0.04, described(mistake, data), transform=axes.transAxes, ha="center", va="top", fontsize=7)


def outline(box: Any, colour: str, width: float) -> Any:
    """A box x1, y1, x2, y2 in edges; matplotlib's pixels have their centres at whole numbers."""
    from matplotlib.patches import Rectangle

    x1, y1, x2, y2 = (edge - 0.5 for edge in box)
    return Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=width)


def described(mistake: Mistake, data: HeldOut) -> str:
    if mistake.kind == "missed":
        return f"{data.names[mistake.true]} (image {mistake.image})"
    found = f"{data.names[mistake.found]} {mistake.weight:.0%}"
    return f"{found}, is {data.names[mistake.true]}" if mistake.kind == "wrong class" else found
