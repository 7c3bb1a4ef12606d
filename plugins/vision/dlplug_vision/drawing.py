"""Sheets of pictures, drawn by matplotlib without a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dlplug import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LINE = (0.34, 0.47, 0.67)
TILE = 28  # smallest pixels across a picture among others


def new_figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure((width, height), dpi=120, layout="constrained")


def draw(figure: Figure, caption: str) -> Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image(np.asarray(canvas.buffer_rgba())[..., :3].copy(), caption)


def show(axes: Any, picture: Tensor, **style: Any) -> None:
    """A picture (H, W, C), uint8 or in [0, 1]; one channel is drawn in grey."""
    pixels = picture.cpu().numpy()
    if pixels.shape[2] == 1:
        axes.imshow(pixels[..., 0], cmap="gray", interpolation="nearest", **style)
    else:
        axes.imshow(pixels, interpolation="nearest", **style)
    axes.axis("off")


def tiled(pictures: Tensor, columns: int) -> Tensor:
    """Pictures (N, H, W, 1 or 3) in [0, 1] of equal size as one (H', W', 3), in rows, with a blue line between them;
    small ones are enlarged, so that the line stays thin beside them."""
    larger = max(1, -(-TILE // max(pictures.shape[1:3])))
    pictures = pictures.repeat_interleave(larger, 1).repeat_interleave(larger, 2)
    count, height, width, _ = pictures.shape
    rows = -(-count // columns)
    sheet = torch.tensor(LINE).expand(rows * columns, height + 1, width + 1, 3).clone()
    sheet[:count, :height, :width] = pictures
    sheet = sheet.view(rows, columns, height + 1, width + 1, 3).permute(0, 2, 1, 3, 4)
    return sheet.reshape(rows * (height + 1), columns * (width + 1), 3)[:-1, :-1]
