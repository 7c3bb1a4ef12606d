"""The confusion matrix and the most confident mistakes: a metric, so that a run logs the figures, and a sampler."""

from __future__ import annotations

import numpy as np
from dlplug_figures.confusion import MOST_NUMBERS, confusion_matrix, draw_confusion
from dlplug_figures.figure import new_figure, to_image
from dlplug_figures.images import show
from dlplug_images.classification import logits_of
from dlplug_images.images import HeldOut
from torch import Tensor, nn

from dlplug import Image, PositiveInt, neutral_options


@neutral_options("count")
def mistakes(model: nn.Module, data: HeldOut, *, count: PositiveInt = 24) -> dict[str, Image]:
    """The confusion matrix, and the most confident mistakes.

    count: number of mistakes to show.
    """
    probability = logits_of(model, data.images).softmax(1)
    return {
        "confusion": confusion_picture(probability.argmax(1), data),
        "mistakes": mistakes_picture(probability, data, count),
    }


def confusion_picture(chosen: Tensor, data: HeldOut) -> Image:
    names = data.names
    size = 2 + 0.5 * min(len(names), MOST_NUMBERS)
    figure = new_figure(size + 1.5, size)
    draw_confusion(figure.subplots(), confusion_matrix(chosen, data.y, len(names)), names)
    return to_image(figure, "confusion matrix")


def mistakes_picture(probability: Tensor, data: HeldOut, count: int) -> Image:
    sure, chosen = probability.max(1)
    wrong = (chosen != data.y).nonzero()[:, 0]
    worst = wrong[sure[wrong].argsort(descending=True)][:count]
    columns = 6
    rows = max(1, -(-len(worst) // columns))
    figure = new_figure(1.5 * columns, 1.75 * rows + 0.4)
    title = f"the {len(worst)} most confident of {len(wrong)} mistakes" if len(wrong) else "no mistakes"
    figure.suptitle(title)
    places = np.ravel(figure.subplots(rows, columns))
    for axes in places:
        axes.axis("off")
    for axes, index in zip(places, worst.tolist(), strict=False):
        show(axes, data.images[index])
        true, predicted = data.names[int(data.y[index])], data.names[int(chosen[index])]
        axes.set_title(f"true {true}\npredicted {predicted} ({sure[index]:.0%})", fontsize=7)
    return to_image(figure, title)
