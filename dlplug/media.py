"""Pictures, videos and texts that a metric may return beside its numbers; a run writes them into its `media/`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass
class Image:
    """pixels: uint8, (height, width) or (height, width, 3)."""

    pixels: np.ndarray[Any, Any]
    caption: str = ""
    path: Path = field(default_factory=Path)

    suffix = ".png"

    def write(self, path: Path) -> None:
        from imageio.v3 import imwrite

        imwrite(path, self.pixels)


@dataclass
class Video:
    """frames: uint8, (time, height, width, 3), with even height and width as H.264 wants them."""

    frames: np.ndarray[Any, Any]
    fps: int = 30
    caption: str = ""
    path: Path = field(default_factory=Path)

    suffix = ".mp4"

    def write(self, path: Path) -> None:
        from imageio.v3 import imwrite

        imwrite(path, self.frames, plugin="pyav", codec="libx264", fps=self.fps)


@dataclass
class Text:
    text: str
    caption: str = ""
    path: Path = field(default_factory=Path)

    suffix = ".txt"

    def write(self, path: Path) -> None:
        path.write_text(self.text, encoding="utf-8")


Media = Image | Video | Text
