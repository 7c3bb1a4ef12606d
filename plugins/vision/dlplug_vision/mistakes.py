"""Which class is taken for which, and the images that the model is most wrong about: a metric and a sampler, so that a
run keeps the pictures too."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from dlplug import Image, PositiveInt
from dlplug_vision.drawing import draw, new_figure, show
from dlplug_vision.images import HeldOut
from dlplug_vision.metrics import logits_of

MOST_NUMBERS = 20  # classes up to which the table's numbers can be read


def mistakes(model: nn.Module, data: HeldOut, *, count: PositiveInt = 24) -> dict[str, Image]:
    """The confusion matrix, and the surest mistakes.

    count: how many mistakes to show.
    """
    probability = logits_of(model, data.images).softmax(1)
    return {
        "confusion": confusion_picture(confusion(probability.argmax(1), data.y, len(data.names)), data.names),
        "mistakes": mistakes_picture(probability, data, count),
    }


def confusion(chosen: Tensor, y: Tensor, classes: int) -> Tensor:
    """(classes, classes): entry (i, j) is how many of class i were called j."""
    return torch.bincount(y * classes + chosen, minlength=classes**2).view(classes, classes)


def confusion_picture(table: Tensor, names: tuple[str, ...]) -> Image:
    size = 2 + 0.5 * min(len(names), MOST_NUMBERS)
    figure = new_figure(size + 1, size)
    axes = figure.subplots()
    # in shares of each row; the diagonal would hide the mistakes
    share = table / table.sum(1, keepdim=True).clamp(min=1)
    wrong = share.clone().fill_diagonal_(0)
    axes.imshow(wrong, cmap="Oranges", vmin=0, vmax=max(float(wrong.max()), 1e-3))
    if len(names) <= MOST_NUMBERS:
        for (i, j), number in np.ndenumerate(table.numpy()):
            if number:
                dark = wrong[i, j] > 0.6 * wrong.max()
                colour = "#999999" if i == j else "white" if dark else "black"
                axes.text(j, i, str(number), ha="center", va="center", color=colour, fontsize=8)
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), names)
    right, everything = int(table.trace()), int(table.sum())
    axes.set(xlabel="called", ylabel="is", title=f"{right} of {everything} right ({right / max(1, everything):.2%})")
    return draw(figure, "which class is taken for which; the diagonal is left white")


def mistakes_picture(probability: Tensor, data: HeldOut, count: int) -> Image:
    sure, chosen = probability.max(1)
    wrong = (chosen != data.y).nonzero()[:, 0]
    worst = wrong[sure[wrong].argsort(descending=True)][:count]
    columns = 6
    rows = max(1, -(-len(worst) // columns))
    figure = new_figure(1.5 * columns, 1.75 * rows + 0.4)
    title = f"the {len(worst)} surest of {len(wrong)} mistakes" if len(wrong) else "none is wrong"
    figure.suptitle(title)
    places = np.ravel(figure.subplots(rows, columns))
    for axes in places:
        axes.axis("off")
    for axes, index in zip(places, worst.tolist(), strict=False):
        show(axes, data.images[index])
        told = f"{data.names[int(data.y[index])]}\ncalled {data.names[int(chosen[index])]} ({sure[index]:.0%})"
        axes.set_title(told, fontsize=7)
    return draw(figure, title)
