"""A video for TensorBoard, which has none but plays a GIF among its pictures: few frames, and small ones."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlplug.media import write_gif

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

FRAMES = 100  # of a GIF, evenly from the video
SECONDS = 20.0  # that a GIF plays; a longer video is shown faster
SIDE = 240  # pixels, of the longer side


def add_video(writer: Any, name: str, path: Path, step: int) -> None:
    """Adds the video in a file (mp4 or GIF) to a SummaryWriter. Decoding it takes seconds."""
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

    content, width, height = as_gif(path)
    picture = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=content)
    writer._get_file_writer().add_summary(Summary(value=[Summary.Value(tag=name, image=picture)]), step)


def as_gif(path: Path) -> tuple[bytes, int, int]:
    """The GIF, its width and height. It plays as long as the video, up to 20 s."""
    pictures = list(_thumbnails(path))
    total = sum(seconds for _, seconds in pictures)
    faster = min(1.0, SECONDS / total)
    file = io.BytesIO()
    write_gif(file, [(picture, faster * seconds) for picture, seconds in pictures])
    return file.getvalue(), pictures[0][0].width, pictures[0][0].height


def _thumbnails(path: Path) -> Iterator[tuple[Picture, float]]:
    """Every n-th frame, small, with the seconds until the next of them."""
    count, frames = _read_gif(path) if path.suffix == ".gif" else _read_mp4(path)
    every = max(1, math.ceil(count / FRAMES))
    shown, passed = None, 0.0
    for index, (picture, seconds) in enumerate(frames):
        if index % every == 0:
            if shown is not None:
                yield shown, passed
            picture.thumbnail((SIDE, SIDE))
            shown, passed = picture, 0.0
        passed += seconds
    if shown is not None:
        yield shown, passed


def _read_gif(path: Path) -> tuple[int, Iterator[tuple[Picture, float]]]:
    """The number of frames, and each with its seconds."""
    from PIL import Image, ImageSequence

    film: Any = Image.open(path)
    frames = ((frame.convert("RGB"), frame.info.get("duration", 0) / 1000) for frame in ImageSequence.Iterator(film))
    return film.n_frames, frames


def _read_mp4(path: Path) -> tuple[int, Iterator[tuple[Picture, float]]]:
    from imageio.v3 import imiter, immeta, improps
    from PIL.Image import fromarray

    seconds = 1 / immeta(path, plugin="pyav").get("fps", 30)
    frames = ((fromarray(frame).convert("RGB"), seconds) for frame in imiter(path, plugin="pyav"))
    return improps(path, plugin="pyav").shape[0], frames
