"""Pictures, videos and texts that a metric or a sampler may return beside its numbers. A run writes what a metric gives
into its `media/`, and what a sampler gives into its `samples/`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

log = logging.getLogger("dlplug")

SHORTEST = 2  # hundredths of a second that browsers show a GIF's picture for; what asks for less is shown for 10


@dataclass
class Image:
    """pixels: uint8, (height, width) or (height, width, 3)."""

    pixels: np.ndarray[Any, Any]
    caption: str = ""
    path: Path = field(default_factory=Path)

    suffix = ".png"

    def write(self, path: Path) -> Path:
        from imageio.v3 import imwrite

        imwrite(path, self.pixels)
        return path


@dataclass
class Video:
    """frames: uint8 pictures (height, width, 3) of one size, even in height and width as H.264 wants them: an array
    (time, height, width, 3), or a generator of pictures that would not all fit in memory; that is used up when the
    video is written."""

    frames: Iterable[np.ndarray[Any, Any]]
    fps: int = 30
    caption: str = ""
    path: Path = field(default_factory=Path)

    suffix = ".mp4"

    def write(self, path: Path) -> Path:
        """H.264 in an mp4, or a GIF where the path says so or this machine has no encoder. Gives the file's path."""
        if path.suffix == ".gif":
            self._write_gif(path)
            return path
        if not can_encode("libx264"):
            log.info("no H.264 encoder here, so the video is a GIF; `pip install av` brings one")
            return self.write(path.with_suffix(".gif"))
        from imageio.v3 import imopen

        with imopen(path, "w", plugin="pyav") as file:
            file.init_video_stream("libx264", fps=self.fps)
            for frame in self.frames:
                file.write_frame(frame)
        return path

    def _write_gif(self, path: Path) -> None:
        from PIL.Image import fromarray

        write_gif(path, ((fromarray(np.asarray(frame)), 1 / self.fps) for frame in self.frames))


@dataclass
class Text:
    text: str
    caption: str = ""
    path: Path = field(default_factory=Path)

    suffix = ".txt"

    def write(self, path: Path) -> Path:
        path.write_text(self.text, encoding="utf-8")
        return path


Media = Image | Video | Text


def write_gif(file: Path | BinaryIO, pictures: Iterable[tuple[Picture, float]]) -> None:
    """An endless GIF of pictures and the seconds that each is shown for. Pillow joins equal neighbours, which are then
    one picture that is shown for as long as they are."""
    timed = _in_hundredths(pictures)
    next(timed).save(file, "GIF", save_all=True, append_images=timed, loop=0)


def _in_hundredths(pictures: Iterable[tuple[Picture, float]]) -> Iterator[Picture]:
    """With their durations for Pillow. A GIF counts in hundredths of a second, so that each picture is shown until the
    hundredth nearest to its end; one that would be shown for less than the shortest gives its time to the next."""
    end, past, picture = 0.0, 0, None
    for picture, seconds in pictures:
        end += seconds
        hundredths = round(100 * end) - past
        if hundredths >= SHORTEST:
            picture.info["duration"] = 10 * hundredths
            past += hundredths
            yield picture
    if past == 0 and picture is not None:
        yield picture


def can_encode(codec: str) -> bool:
    """Whether this machine's PyAV has an encoder of that name."""
    try:
        from av.codec import codecs_available
    except ImportError:
        return False
    return codec in codecs_available
