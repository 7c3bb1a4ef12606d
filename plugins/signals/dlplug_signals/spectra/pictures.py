"""Pictures: a confusion matrix, spectra with their reconstructions, the code in two dimensions."""

from __future__ import annotations

import numpy as np
from dlplug_figures.confusion import MOST_NUMBERS, confusion_matrix, draw_confusion
from dlplug_figures.figure import COLOURS, new_figure, to_image
from torch import Tensor

from dlplug import Image
from dlplug_signals.spectra.series import HeldOut

NUMBER = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.7}  # the box around it


def confusion_picture(predicted: Tensor, data: HeldOut) -> Image:
    size = 2 + 0.5 * min(len(data.names), MOST_NUMBERS)
    figure = new_figure(size + 1.5, size)
    draw_confusion(figure.subplots(), confusion_matrix(predicted, data.y, len(data.names)), data.names)
    return to_image(figure, "confusion matrix")


def reconstructions_picture(x: Tensor, reconstruction: Tensor, titles: list[str]) -> Image:
    """Series (N, C, L) and their reconstructions; the first channel of each is drawn."""
    figure = new_figure(9, 0.4 + 1.6 * len(x))
    for axes, true, drawn, title in zip(figure.subplots(len(x), 1, squeeze=False)[:, 0], x, reconstruction, titles,
                                        strict=True):  # fmt: skip
        axes.plot(true[0], color="#bbbbbb", linewidth=0.8, label="spectrum")
        axes.plot(drawn[0], color=COLOURS[1], linewidth=0.9, label="reconstruction")
        error = ((true - drawn) ** 2).mean()
        axes.set_title(f"{title}: mean squared error {error:.3f}", fontsize=8, loc="left")
        axes.margins(x=0)
    figure.axes[0].legend(fontsize=7, loc="upper right")
    figure.axes[-1].set_xlabel("point of the axis")
    return to_image(figure, "spectra and their reconstructions from the code, standardised")


def code_picture(code: Tensor, y: Tensor, names: tuple[str, ...]) -> Image:
    """The code (N, dimensions) in two dimensions, by t-SNE, each class in its colour with its number."""
    from matplotlib import colormaps
    from sklearn.manifold import TSNE

    perplexity = min(30, (len(code) - 1) / 3)
    place = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(code.numpy())
    figure = new_figure(7, 6)
    axes = figure.subplots()
    colours = colormaps["turbo"](np.linspace(0, 1, len(names)))
    for label, colour in enumerate(colours):
        own = place[(y == label).numpy()]
        axes.scatter(*own.T, s=10, color=colour)
        if len(own):
            across, up = np.median(own, axis=0)
            axes.text(across, up, str(label + 1), fontsize=8, ha="center", va="center", bbox=NUMBER)
    axes.set(xticks=[], yticks=[], title=f"{code.shape[1]} dimensions of the code, by t-SNE")
    return to_image(figure, "the code of each held-out spectrum in two dimensions, coloured and numbered by class")
