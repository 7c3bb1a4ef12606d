"""The confusion matrix of a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NUMBERS = 20  # most classes for which the numbers are legible


def confusion_matrix(predicted: Tensor, true: Tensor, classes: int) -> Tensor:
    """(classes, classes): entry (i, j) is the number of examples of class i that were predicted as j; both inputs
    (N,)."""
    return torch.bincount(true * classes + predicted, minlength=classes**2).view(classes, classes)


def draw_confusion(axes: Axes, matrix: Tensor, names: Sequence[str]) -> None:
    """Draws the counts, coloured by their fraction of the row, so that rare classes are as visible as frequent ones."""
    share = matrix / matrix.sum(1, keepdim=True).clamp(min=1)
    shade = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= MOST_NUMBERS:
        for (i, j), number in np.ndenumerate(matrix.numpy()):
            if number:
                colour = "white" if share[i, j] > 0.5 else "black"
                axes.text(j, i, str(number), ha="center", va="center", color=colour, fontsize=8)
        slanted = any(len(name) > 2 for name in names)
        axes.set_xticks(range(len(names)), names, rotation=45 if slanted else 0, ha="right" if slanted else "center")
        axes.set_yticks(range(len(names)), names)
    right, everything = int(matrix.trace()), int(matrix.sum())
    accuracy = f"accuracy {right / max(1, everything):.2%} ({right} of {everything})"
    axes.set(xlabel="predicted class", ylabel="true class", title=accuracy)
    figure = axes.get_figure()
    assert figure is not None
    figure.colorbar(shade, ax=axes, label="fraction of the true class", fraction=0.046)
