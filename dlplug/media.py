"""Pictures, videos and texts that a metric or a sampler may return beside its numbers. A run writes what a metric gives
into its `media/`, and what a sampler gives into its `samples/`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

log = logging.getLogger("dlplug")

SHORTEST = 20  # milliseconds that browsers show a GIF's picture for; what asks for less is shown for 100


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
        from PIL.Image import Image as Picture
        from PIL.Image import fromarray

        pictures: Iterator[Picture] = (fromarray(np.asarray(frame)) for frame in self.frames)
        duration = max(SHORTEST, round(1000 / self.fps))
        next(pictures).save(path, save_all=True, append_images=pictures, duration=duration, loop=0)


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


def can_encode(codec: str) -> bool:
    """Whether this machine's PyAV has an encoder of that name."""
    try:
        from av.codec import codecs_available
    except ImportError:
        return False
    return codec in codecs_available
