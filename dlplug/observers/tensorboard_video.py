"""Videos for TensorBoard, as small GIFs with few frames: it has no videos, but plays GIFs among its images."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlplug.media import write_gif

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

FRAMES = 100  # most frames of a GIF, evenly spaced in the video
SECONDS = 20.0  # longest duration of a GIF; a longer video is played faster
SIDE = 240  # pixels of the longer side


def add_video(writer: Any, name: str, path: Path, step: int) -> None:
    """Adds the video in a file (mp4 or GIF) to a SummaryWriter. Decoding it takes seconds."""
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[attr-defined]

    content, width, height = as_gif(path)
    picture = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=content)
    writer._get_file_writer().add_summary(Summary(value=[Summary.Value(tag=name, image=picture)]), step)


def as_gif(path: Path) -> tuple[bytes, int, int]:
    """(GIF file, width, height). It plays as long as the video, up to 20 s."""
    pictures = list(_thumbnails(path))
    total = sum(seconds for _, seconds in pictures)
    faster = min(1.0, SECONDS / total)
    file = io.BytesIO()
    write_gif(file, [(picture, faster * seconds) for picture, seconds in pictures])
    return file.getvalue(), pictures[0][0].width, pictures[0][0].height


def _thumbnails(path: Path) -> Iterator[tuple[Picture, float]]:
    """Every n-th frame as a thumbnail, with the seconds that it is shown."""
    count, frames = _read_gif(path) if path.suffix == ".gif" else _read_mp4(path)
    every = max(1, math.ceil(count / FRAMES))
    thumbnail, elapsed = None, 0.0
    for index, (picture, seconds) in enumerate(frames):
        if index % every == 0:
            if thumbnail is not None:
                yield thumbnail, elapsed
            picture.thumbnail((SIDE, SIDE))
            thumbnail, elapsed = picture, 0.0
        elapsed += seconds
    if thumbnail is not None:
        yield thumbnail, elapsed


def _read_gif(path: Path) -> tuple[int, Iterator[tuple[Picture, float]]]:
    """(number of frames, the frames with their durations in seconds)."""
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
