"""Precision over recall of each class, and what a detector reaches on it, as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from dlplug_figures.figure import COLOURS, new_figure, to_image

from dlplug import Image, Table
from dlplug_detection.measures.precision import RECALLS, THRESHOLDS, Precision

MOST = 10  # classes with a curve of their own


def precision_recall(measured: Precision, names: Sequence[str]) -> Image:
    """The highest precision at each recall, at an overlap of .50, by COCO's definition, of the commonest classes."""
    figure = new_figure(6, 4.5)
    axes = figure.subplots()
    commonest = [label for label in np.argsort(-measured.objects, kind="stable")[:MOST] if measured.objects[label]]
    for place, label in enumerate(sorted(commonest)):
        curve = measured.coco[label, 0]
        axes.plot(RECALLS, curve, COLOURS[place], label=f"{names[label]}: {curve.mean():.3f}")
    mean = np.nanmean(measured.coco[:, 0], 0)
    axes.plot(RECALLS, mean, "k--", linewidth=1, label=f"mean of classes: {mean.mean():.3f}")
    axes.set(
        xlabel="recall", ylabel="precision", xlim=(0, 1.005), ylim=(0, 1.02), title="precision over recall, IoU ≥ .50"
    )
    axes.grid(alpha=0.3)
    axes.legend(title="average precision", fontsize=8)
    return to_image(figure, "precision over recall of each class")


def class_table(measured: Precision, names: Sequence[str]) -> Table:
    """Objects and average precision of each class."""
    ap, fine = measured.ap(), int(np.argmin(abs(THRESHOLDS - 0.75)))
    rows = [
        [name, int(measured.objects[n]), *(f"{value:.4f}" for value in (ap[n, 0], ap[n, fine], ap[n].mean()))]
        for n, name in enumerate(names)
        if measured.objects[n]
    ]
    return Table(["class", "objects", "AP50", "AP75", "AP50:95"], rows, "average precision over COCO's 101 recalls")
