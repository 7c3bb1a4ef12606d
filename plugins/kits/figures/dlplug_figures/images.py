"""Images on axes, and grids of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = (0.34, 0.47, 0.67)  # colour of the lines between images: blue
SMALLEST = 28  # least size in pixels of an image in a grid


def show(axes: Axes, image: Tensor, **style: Any) -> None:
    """Draws an image (H, W, 1 or 3), uint8 or in [0, 1], without ticks; one channel is drawn in grey.

    style: further options of matplotlib's `imshow`.
    """
    pixels = image.cpu().numpy()
    if pixels.shape[2] == 1:
        axes.imshow(pixels[..., 0], interpolation="nearest", **{"cmap": "gray", **style})
    else:
        axes.imshow(pixels, interpolation="nearest", **style)
    axes.axis("off")


def tiled(images: Tensor, columns: int, smallest: int = SMALLEST) -> Tensor:
    """Images (N, H, W, 1 or 3) in [0, 1] as one grid (H', W', 3), with lines between them.

    smallest: least size in pixels of an image's longer side; smaller images are enlarged by an integer factor, so that
        the lines are comparatively thin.
    """
    larger = max(1, -(-smallest // max(images.shape[1:3])))
    images = images.repeat_interleave(larger, 1).repeat_interleave(larger, 2)
    count, height, width, _ = images.shape
    rows = -(-count // columns)
    sheet = torch.tensor(LINE).expand(rows * columns, height + 1, width + 1, 3).clone()
    sheet[:count, :height, :width] = images
    sheet = sheet.view(rows, columns, height + 1, width + 1, 3).permute(0, 2, 1, 3, 4)
    return sheet.reshape(rows * (height + 1), columns * (width + 1), 3)[:-1, :-1]
