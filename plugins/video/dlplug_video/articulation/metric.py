"""Accuracy of recognised words, beside the nearest neighbour's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from dlplug_figures.confusion import confusion_matrix, draw_confusion
from dlplug_figures.figure import new_figure, to_image
from torch import Tensor, nn

from dlplug_video.articulation.words import HeldOutWords


def word_accuracy(model: nn.Module, data: HeldOutWords) -> Mapping[str, Any]:
    """Accuracy of a whole split, that of the Euclidean nearest neighbour among the training words, and the confusion
    matrix."""
    device = next(model.parameters()).device
    predicted = torch.cat([model(part.to(device)).argmax(1).cpu() for part in data.x.split(100)])
    figure = new_figure(8, 7)
    draw_confusion(figure.subplots(), confusion_matrix(predicted, data.y, len(data.names)), data.names)
    return {
        "accuracy": (predicted == data.y).float().mean(),
        "one_nn_accuracy": (nearest_neighbour(data) == data.y).float().mean(),
        "confusion": to_image(figure, "the words' confusion matrix"),
    }


def nearest_neighbour(data: HeldOutWords) -> Tensor:
    """The class (N,) of the known word at the least Euclidean distance over all coordinates and points."""
    distances = torch.cdist(data.x.flatten(1).double(), data.known_x.flatten(1).double())
    return data.known_y[distances.argmin(1)]
