"""Reads films and folders of frames as grey frames of one size."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dlplug import UserError
from dlplug.errors import message_of

FILMS = (".mpg", ".mpeg", ".mp4", ".avi", ".mov", ".mkv")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")

Crop = tuple[float, float, float, float]


def read_frames(path: Path, size: tuple[int, int], crop: Crop) -> Tensor:
    """(T, 1, H, W) uint8 of a film, or of a folder of pictures in the order of the numbers in their names.

    crop: left, upper, right and lower edge of what is kept, as fractions of width and height. Raises UserError, naming
    the file, if it cannot be decoded.
    """
    read = pictures(path) if path.is_dir() else film(path)
    if not read:
        raise UserError(f"{path} has no frames")
    if len({frame.shape for frame in read}) > 1:
        raise UserError(f"{path} has frames of different sizes")
    return resized(np.stack(read), size, crop)


def film(path: Path) -> list[np.ndarray[Any, Any]]:
    """The grey frames (H, W) of a film."""
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(path)) as container:
            return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    except (FFmpegError, OSError, IndexError, ValueError) as error:
        raise UserError(f"{path} cannot be decoded as a film ({message_of(error)})") from None


def pictures(folder: Path) -> list[np.ndarray[Any, Any]]:
    """The grey pictures (H, W) of a folder."""
    from PIL import Image

    read = []
    for path in in_order(file for file in folder.iterdir() if file.suffix.lower() in PICTURES):
        try:
            with Image.open(path) as picture:
                read.append(np.asarray(picture.convert("L")))
        except (OSError, ValueError) as error:
            raise UserError(f"{path} cannot be decoded as a picture ({error})") from None
    return read


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Paths sorted by their names, numbers in them by value: mouth_2 before mouth_10."""

    def key(path: Path) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name)]

    return sorted(paths, key=key)


def resized(frames: np.ndarray[Any, Any], size: tuple[int, int], crop: Crop) -> Tensor:
    """(T, H', W') uint8, cropped and resized: (T, 1, H, W) uint8."""
    left, upper, right, lower = crop
    height, width = frames.shape[1:]
    rows = slice(round(upper * height), max(round(lower * height), round(upper * height) + 1))
    columns = slice(round(left * width), max(round(right * width), round(left * width) + 1))
    cut = torch.from_numpy(frames[:, rows, columns].copy())[:, None].float()
    drawn = F.interpolate(cut, size, mode="bilinear", antialias=True)
    return drawn.round().clamp(0, 255).to(torch.uint8)
