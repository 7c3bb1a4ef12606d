"""Pictures and films of a file or a folder, annotated one by one while they are written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from dlplug_figures.figure import even
from dlplug_images.folders.layout import hidden, is_image

from dlplug import Media, UserError
from dlplug.errors import message_of
from dlplug.stop import stoppable
from dlplug_detection.boxes.fitting import Pixels

Draw = Callable[[Pixels], Pixels]  # RGB (H, W, 3) uint8 as the same with something drawn over it

FILMS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ts")
QUALITY = {"preset": "veryfast", "crf": "20"}  # of libx264


@dataclass
class AnnotatedPicture(Media):
    """A picture that is read, annotated and written at once."""

    source: Path
    draw: Draw
    caption: str = ""
    path: Path = field(default_factory=Path)

    kind, suffix = "image", ".png"

    def write(self, path: Path) -> Path:
        from PIL import Image

        Image.fromarray(self.draw(picture_of(self.source))).save(path)
        return path


@dataclass
class AnnotatedFilm(Media):
    """A film that is decoded, annotated and encoded frame by frame, in H.264 at the film's own size and times; without
    its sound."""

    source: Path
    draw: Draw
    caption: str = ""
    path: Path = field(default_factory=Path)

    kind, suffix = "video", ".mp4"

    def write(self, path: Path) -> Path:
        import av

        frames = 0
        with av.open(path, "w") as target:
            stream: Any = None
            for frame in decoded(self.source):
                pixels = even(self.draw(upright(frame)))
                if stream is None:
                    stream = target.add_stream("libx264", rate=rate_of(frame), options=QUALITY)
                    stream.height, stream.width = pixels.shape[:2]
                    stream.pix_fmt, stream.codec_context.time_base = "yuv420p", frame.time_base
                drawn = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
                drawn.pts, drawn.time_base = frame.pts, frame.time_base
                target.mux(stream.encode(drawn))
                frames += 1
            target.mux(stream.encode())
        self.caption = f"{frames} frames of {self.source.name}"
        return path


def picture_of(source: Path) -> Pixels:
    """RGB (H, W, 3), upright. Raises UserError for a file that is no picture, or is damaged."""
    from PIL import Image, ImageOps

    try:
        with Image.open(source) as file:
            return np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
    except Exception as error:  # the type depends on the format and the damage
        raise UserError(f"{source} is no picture that can be read: {message_of(error)}") from None


def decoded(source: Path) -> Iterator[Any]:
    """The frames of a film, but for those that would be shown at no time. Raises UserError for a file that is none, or
    is damaged."""
    import av
    from av.error import FFmpegError

    try:
        with av.open(source) as film:
            if not film.streams.video:
                raise UserError(f"{source} has no pictures in it: expected a film")
            film.streams.video[0].thread_type = "AUTO"
            last = None
            for frame in stoppable(film.decode(video=0)):
                if frame.pts is not None and (last is None or frame.pts > last):
                    last = frame.pts
                    yield frame
            if last is None:
                raise UserError(f"{source} has no frame that can be decoded")
    except FFmpegError as error:
        raise UserError(f"{source} cannot be decoded as a film: {message_of(error)}") from None


def upright(frame: Any) -> Pixels:
    """RGB (H, W, 3) of a frame, turned as its film says: telephones store films lying on their side."""
    return np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))


def rate_of(frame: Any) -> int:
    """Frames a second for the encoder's rate control; times are the frames' own."""
    return max(1, round(1 / (frame.duration * frame.time_base))) if frame.duration else 25


def annotated(source: str, draw: Draw) -> dict[str, Media]:
    """The pictures and films of a file or a folder by name, annotated while they are written."""
    files = files_of(source)
    stems = [file.stem for file in files]
    return {file.stem if stems.count(file.stem) == 1 else file.name: medium(file, draw) for file in files}


def files_of(source: str) -> list[Path]:
    """The pictures and films of a folder, or the file itself. Raises UserError where there are none."""
    path = Path(source).expanduser()
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"--input {source} is neither a file nor a folder")
    files = [path / name for name in sorted(os.listdir(path)) if not hidden(Path(name))]
    chosen = [file for file in files if file.is_file() and (is_image(file.name) or is_film(file))]
    if not chosen:
        raise UserError(f"--input {source} has no picture or film; of its {len(files)} files none is one by its suffix")
    return chosen


def medium(path: Path, draw: Draw) -> Media:
    return AnnotatedPicture(path, draw) if is_image(path.name) else AnnotatedFilm(path, draw)


def is_film(path: Path) -> bool:
    return path.suffix.lower() in FILMS
