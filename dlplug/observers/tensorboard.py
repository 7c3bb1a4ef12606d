"""TensorBoard's event files."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from dlplug.host.hookspecs import hookimpl
from dlplug.media import Audio, Image, Media, Text, Video
from dlplug.observers.tensorboard_video import add_video

if TYPE_CHECKING:
    from dlplug.runs.run import Run

log = logging.getLogger("dlplug")


class TensorBoard:
    """Event files in the run folder's `tensorboard/`, under the same metric names.

    write: off writes no event files.
    """

    def __init__(self, *, write: Literal["on", "off"] = "on") -> None:
        self.write, self.writer = write == "on", None
        self.videos = ThreadPoolExecutor(1, "tensorboard-videos")  # decoding one takes seconds

    @hookimpl
    def run_started(self, run: Run) -> None:
        if self.write:
            from torch.utils.tensorboard import SummaryWriter

            # Readers drop an earlier file's events from this step on; those of the checkpoint's step are kept.
            purge = run.step + 1 if run.resumed else None
            self.writer: Any = SummaryWriter(str(run.folder / "tensorboard"), purge_step=purge)

    @hookimpl
    def logged(self, run: Run, step: int, values: Mapping[str, Any]) -> None:
        if self.writer is None:
            return
        for name, value in values.items():
            if isinstance(value, Image):
                self.writer.add_image(name, value.pixels, step, dataformats="HW" if value.pixels.ndim == 2 else "HWC")
            elif isinstance(value, Text):
                self.writer.add_text(name, verbatim(value.text), step)
            elif isinstance(value, Video):
                self.videos.submit(_add_video, self.writer, name, value.path, step)
            elif isinstance(value, Audio):
                self.writer.add_audio(name, mono(value.samples), step, value.rate)
            elif isinstance(value, Media):
                self.writer.add_text(name, verbatim(f"{value.kind}: {value.path.relative_to(run.folder)}"), step)
            else:
                self.writer.add_scalar(name, value, step)

    @hookimpl
    def run_finished(self, run: Run, result: Mapping[str, Any]) -> None:
        self.videos.shutdown()
        if self.writer is not None:
            self.writer.close()


def mono(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Averages channels: (time,) or (time, channels) to (1, time), TensorBoard's shape of audio."""
    return samples.reshape(len(samples), -1).mean(1)[None]


def verbatim(text: str) -> str:
    """The text as a Markdown code block, as TensorBoard renders all text as Markdown; keeps lines and indentation."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"


def _add_video(writer: Any, name: str, path: Path, step: int) -> None:
    try:
        add_video(writer, name, path, step)
    except Exception as error:
        log.warning(f"TensorBoard shows no {name}: {type(error).__name__}: {error}")
