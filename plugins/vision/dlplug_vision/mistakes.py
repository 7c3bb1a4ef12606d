"""The confusion matrix, and the mistakes that a model is most confident of: a metric and a sampler, so that a run keeps
the pictures too."""

from __future__ import annotations

import numpy as np
import torch
from dlplug_images.classification import logits_of
from dlplug_images.images import HeldOut
from torch import Tensor, nn

from dlplug import Image, PositiveInt, neutral_options
from dlplug_vision.drawing import draw, new_figure, show

MOST_NUMBERS = 20  # classes up to which the table's numbers can be read


@neutral_options("count")
def mistakes(model: nn.Module, data: HeldOut, *, count: PositiveInt = 24) -> dict[str, Image]:
    """The confusion matrix, and the most confident mistakes.

    count: number of mistakes to show.
    """
    probability = logits_of(model, data.images).softmax(1)
    return {
        "confusion": confusion_picture(confusion(probability.argmax(1), data.y, len(data.names)), data.names),
        "mistakes": mistakes_picture(probability, data, count),
    }


def confusion(chosen: Tensor, y: Tensor, classes: int) -> Tensor:
    """(classes, classes): entry (i, j) is how many of class i were predicted as j."""
    return torch.bincount(y * classes + chosen, minlength=classes**2).view(classes, classes)


def confusion_picture(table: Tensor, names: tuple[str, ...]) -> Image:
    """The counts, on the colour of their share of the row, so that rare classes show like frequent ones."""
    size = 2 + 0.5 * min(len(names), MOST_NUMBERS)
    figure = new_figure(size + 1.5, size)
    axes = figure.subplots()
    share = table / table.sum(1, keepdim=True).clamp(min=1)
    shade = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= MOST_NUMBERS:
        for (i, j), number in np.ndenumerate(table.numpy()):
            if number:
                colour = "white" if share[i, j] > 0.5 else "black"
                axes.text(j, i, str(number), ha="center", va="center", color=colour, fontsize=8)
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), names)
    right, everything = int(table.trace()), int(table.sum())
    accuracy = f"accuracy {right / max(1, everything):.2%} ({right} of {everything})"
    axes.set(xlabel="predicted class", ylabel="true class", title=accuracy)
    figure.colorbar(shade, ax=axes, label="share of the true class", fraction=0.046)
    return draw(figure, "confusion matrix")


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
    return draw(figure, title)
