"""A video for TensorBoard, which has none but plays a GIF among its pictures: few frames, and small ones."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FRAMES = 100  # of a GIF, evenly from the video
SIDE = 240  # pixels, of the longer side


def add_video(writer: Any, name: str, path: Path, step: int) -> None:
    """Adds the video in a file (mp4 or GIF) to a SummaryWriter."""
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

    content, width, height = as_gif(path)
    picture = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=content)
    writer._get_file_writer().add_summary(Summary(value=[Summary.Value(tag=name, image=picture)]), step)


def as_gif(path: Path) -> tuple[bytes, int, int]:
    """The GIF, its width and height. It takes as long as the video, up to 20 s."""
    every, seconds = _pace(path)
    pictures = list(_thumbnails(path, every))
    file, first = io.BytesIO(), pictures[0]
    duration = min(200, max(20, 10 * round(100 * seconds / len(pictures))))  # a GIF counts in hundredths
    first.save(file, "GIF", save_all=True, append_images=pictures[1:], duration=duration, loop=0)
    return file.getvalue(), first.width, first.height


def _pace(path: Path) -> tuple[int, float]:
    """Every how many frames one is taken, and how long the video plays."""
    from imageio.v3 import immeta, improps

    count = improps(path, plugin=_reader(path)).shape[0]
    told = immeta(path, plugin=_reader(path))
    seconds = count * told.get("duration", 30) / 1000 if path.suffix == ".gif" else count / told.get("fps", 30)
    return max(1, math.ceil(count / FRAMES)), seconds


def _thumbnails(path: Path, every: int) -> Iterator[Any]:
    from imageio.v3 import imiter
    from PIL.Image import fromarray

    for index, frame in enumerate(imiter(path, plugin=_reader(path))):
        if index % every == 0:
            picture = fromarray(frame).convert("RGB")
            picture.thumbnail((SIDE, SIDE))
            yield picture


def _reader(path: Path) -> str:
    return "pillow" if path.suffix == ".gif" else "pyav"
