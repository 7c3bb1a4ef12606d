"""Grids of images, scatters of points over the data, and the frames of a film of logged images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from dlplug_figures.figure import even, new_figure, to_image
from dlplug_figures.images import tiled
from torch import Tensor

from dlplug import Image

TILE = 56  # least size of an image in a grid, in pixels
SHOWN = 2000  # points in a scatter plot; more would overlap
STRIP = 24  # height in pixels of the strip above a film's image


def grid(x: Tensor, columns: int = 0) -> np.ndarray[Any, Any]:
    """Images (N, C, H, W) in [0, 1], one or three channels, in rows as one uint8 (H', W', 3), whose height and width
    are even, as videos need. columns: images per row; 0 makes the grid nearly square."""
    columns = columns or int(np.ceil(np.sqrt(len(x))))
    pictures = x.detach().float().cpu().clamp(0, 1).permute(0, 2, 3, 1)
    return even(pixels(tiled(pictures, columns, TILE)))


def pixels(x: Tensor) -> np.ndarray[Any, Any]:
    """An image (H, W, 3) in [0, 1] as uint8."""
    return (x * 255).round().byte().numpy()


def scatter(generated: Tensor, data: Tensor, title: str) -> Image:
    """Generated points (N, 2) over those of the data (M, 2). The axes depend on the data alone, so that a run's images
    can be the frames of a film."""
    figure = new_figure(4.8, 5.0)
    axes = figure.subplots()
    low, high = data.amin(0), data.amax(0)
    centre, reach = (low + high) / 2, 0.65 * float((high - low).max())
    for name, points, colour in (("data", data, "#9aa7b5"), ("generated", generated, "#b2182b")):
        x, y = points[:SHOWN].detach().cpu().T.numpy()
        axes.scatter(x, y, s=5, linewidths=0, alpha=0.7, color=colour, label=name)
    axes.set(xlim=(centre[0] - reach, centre[0] + reach), ylim=(centre[1] - reach, centre[1] + reach), aspect="equal")
    axes.legend(loc="upper right", fontsize=8)
    axes.set_title(title, fontsize=9)
    return to_image(figure, title)


def saved_images(media: Path, name: str) -> list[Path]:
    """The images logged under a name, the earliest first: `val-<name>-<step>.png`."""
    return sorted(path for path in media.glob(f"val-{name}-*.png") if path.stem.rpartition("-")[2].isdigit())


def frames(paths: list[Path], still: int) -> Iterator[np.ndarray[Any, Any]]:
    """The frames of a film, with the step above each; the last one is repeated `still` times. Images whose size differs
    from that of the last are left out: a resumed run may have changed it."""
    from imageio.v3 import imread

    last = imread(paths[-1])[..., :3]
    for path in paths:
        frame = imread(path)[..., :3]
        if frame.shape == last.shape:
            yield below_step(frame, step_of(path))
    for _ in range(still):
        yield below_step(last, step_of(paths[-1]))


def step_of(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def below_step(picture: np.ndarray[Any, Any], step: int) -> np.ndarray[Any, Any]:
    """An image (H, W, 3) uint8 below a white strip with the step; its height stays even."""
    from PIL import Image, ImageDraw, ImageFont

    strip = Image.new("RGB", (picture.shape[1], STRIP), "white")
    ImageDraw.Draw(strip).text((6, 3), f"step {step:,}", "black", ImageFont.load_default(16))
    return np.concatenate([np.asarray(strip), picture])
