"""What a metric or a sampler may return besides numbers: images, videos, texts, audio, tables, plots, and any other
subclass of `Media`. A run writes a metric's media to its folder `media/`, and a sampler's to `samples/`."""

from __future__ import annotations

import csv
import logging
import sys
import wave
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image as Picture

log = logging.getLogger("dlplug")

SHORTEST = 2  # hundredths of a second; browsers show a GIF frame with a shorter duration for 10


class Media:
    """Anything that can be written to a file. A new kind is a subclass and needs no other change: an observer that
    cannot show it skips it, and the file remains.

    kind: its kind in one word ("image", "audio"). suffix: that of its file, with the dot.
    caption: a caption, or "". path: its file, set when it has been written.
    """

    kind: ClassVar[str] = "file"
    suffix: ClassVar[str]
    caption: str
    path: Path

    def write(self, path: Path) -> Path:
        """Writes to a path that ends in `suffix`. Returns the file's path, whose suffix may differ (a video's GIF)."""
        raise NotImplementedError

    def save(self, path: Path) -> None:
        """Writes, and sets `path`. After an error nothing half written stays."""
        try:
            self.path = self.write(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


@dataclass
class Image(Media):
    """pixels: uint8, (height, width) or (height, width, 3)."""

    pixels: np.ndarray[Any, Any]
    caption: str = ""
    path: Path = field(default_factory=Path)

    kind, suffix = "image", ".png"

    def write(self, path: Path) -> Path:
        from imageio.v3 import imwrite

        imwrite(path, self.pixels)
        return path


@dataclass
class Video(Media):
    """frames: uint8, of one size, with even height and width, as H.264 requires: an array (time, height, width, 3), or
    a generator of (height, width, 3), for videos that do not fit in memory; writing the video consumes it.
    fps: frames per second."""

    frames: Iterable[np.ndarray[Any, Any]]
    fps: int = 30
    caption: str = ""
    path: Path = field(default_factory=Path)

    kind, suffix = "video", ".mp4"

    def write(self, path: Path) -> Path:
        """H.264 in an mp4; a GIF where the path ends in .gif or no encoder is installed. Returns the file's path."""
        if path.suffix == ".gif":
            self._write_gif(path)
            return path
        if not can_encode("libx264"):
            log.info("no H.264 encoder is installed, so the video is written as a GIF; `pip install av` installs one")
            return self.write(path.with_suffix(".gif"))
        from imageio.v3 import imopen

        with imopen(path, "w", plugin="pyav") as file:
            file.init_video_stream("libx264", fps=self.fps)
            for frame in self.frames:
                file.write_frame(frame)
        return path

    def _write_gif(self, path: Path) -> None:
        import numpy as np
        from PIL.Image import fromarray

        write_gif(path, ((fromarray(np.asarray(frame)), 1 / self.fps) for frame in self.frames))


@dataclass
class Text(Media):
    text: str
    caption: str = ""
    path: Path = field(default_factory=Path)

    kind, suffix = "text", ".txt"

    def write(self, path: Path) -> Path:
        path.write_text(self.text, encoding="utf-8")
        return path


@dataclass
class Audio(Media):
    """samples: floats in [-1, 1], (time,) or (time, channels); others are clipped. rate: samples per second."""

    samples: np.ndarray[Any, Any]
    rate: int = 16_000
    caption: str = ""
    path: Path = field(default_factory=Path)

    kind, suffix = "audio", ".wav"

    def write(self, path: Path) -> Path:
        """16-bit PCM in a WAV file."""
        import numpy as np

        samples = np.asarray(self.samples, np.float64)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes((samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes())
        return path


@dataclass
class Table(Media):
    """columns: the column names. rows: a string or number for each column."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    path: Path = field(default_factory=Path)

    kind, suffix = "table", ".csv"

    def write(self, path: Path) -> Path:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self.columns, *self.rows])
        return path


@dataclass
class Plot(Media):
    """figure: a matplotlib figure; it is closed after it is written."""

    figure: Any
    caption: str = ""
    path: Path = field(default_factory=Path)

    kind, suffix = "plot", ".svg"

    def write(self, path: Path) -> Path:
        self.figure.savefig(path, bbox_inches="tight")
        if pyplot := sys.modules.get("matplotlib.pyplot"):  # pyplot keeps the figures that it created
            pyplot.close(self.figure)
        return path


def write_gif(file: Path | BinaryIO, pictures: Iterable[tuple[Picture, float]]) -> None:
    """Writes a looping GIF. pictures: (picture, seconds that it is shown). Pillow merges equal neighbours into one
    frame with the sum of their durations."""
    timed = _in_hundredths(pictures)
    next(timed).save(file, "GIF", save_all=True, append_images=timed, loop=0)


def _in_hundredths(pictures: Iterable[tuple[Picture, float]]) -> Iterator[Picture]:
    """Sets the duration of each picture, for Pillow. A GIF counts in hundredths of a second, so each picture ends at
    the hundredth nearest to its exact end; a picture shorter than SHORTEST is skipped, its time added to the next."""
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
