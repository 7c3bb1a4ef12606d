"""Matplotlib figures as images, without pyplot, which would retain every figure and look for a display."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlplug import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# the seven of Okabe & Ito 2008, distinguishable by the colour-blind, and three more
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444",
           "#8C510A", "#6A3D9A", "#999999")  # fmt: skip


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; width and height in inches, 120 pixels each."""
    from matplotlib.figure import Figure

    return Figure((width, height), dpi=120, layout="constrained")


def colour_legend(figure: Figure, names: Sequence[str], colours: Sequence[Any]) -> None:
    """Names with squares in their colours, below a figure that has axes."""
    for name, colour in zip(names, colours, strict=True):
        figure.axes[0].scatter([], [], marker="s", color=[colour], label=name)
    figure.legend(loc="outside lower center", ncols=min(len(names), 6), fontsize=7, frameon=False)


def to_image(figure: Figure, caption: str) -> Image:
    """The figure's pixels, with even height and width, so that it can be a frame of a video."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image(even(np.asarray(canvas.buffer_rgba())[..., :3]).copy(), caption)


def even(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Pixels (H, W, 3), with the last row or column repeated if their number is odd: H.264 needs even sizes."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
