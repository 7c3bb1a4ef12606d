"""What a detector finds in pictures and films, frame by frame, as a table: without drawing, as quickly as it can be
had."""

from __future__ import annotations

import copy
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dlplug_images.folders.layout import is_image
from dlplug_images.images import scaled
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from dlplug import Media
from dlplug_detection.annotate.inputs import decoded, picture_of
from dlplug_detection.annotate.seeing import network_input, scaled_back
from dlplug_detection.boxes.batches import Detections, Detector, HeldOut
from dlplug_detection.boxes.fitting import fitting_scale, scaled_size
from dlplug_detection.measures.detection import on_cpu
from dlplug_detection.pictures.drawing import at_least

COLUMNS = ("file", "seconds", "class", "score", "x1", "y1", "x2", "y2")


def watched(source: Path, model: Detector, images: Tensor) -> Iterator[tuple[float, Detections]]:
    """The time in seconds of each frame of a film, or of a picture, and what is found in it, in its own pixels.

    images: (N, H, W, C), of the size that the model was trained on. The decoder's own library scales a frame to fit
    into it, so that no frame is converted to RGB at its full size.
    """
    device = next(model.parameters()).device
    if is_image(source.name):
        pixels = picture_of(source)
        x, scale = network_input(pixels, images, device)
        yield 0.0, scaled_back(on_cpu(model.detect(x)[0]), pixels.shape[0], pixels.shape[1], scale)
        return
    for frame in decoded(source):
        turns = round(frame.rotation / 90)  # as `upright` has it
        height, width = (frame.width, frame.height) if turns % 2 else (frame.height, frame.width)
        scale = fitting_scale(height, width, images.shape[1], images.shape[2])
        small = np.rot90(shrunk(frame, scale, images.shape[3]), turns)
        found = on_cpu(model.detect(scaled(torch.from_numpy(small.copy())[None].to(device)))[0])
        yield float(frame.time or 0), scaled_back(found, height, width, scale)


def shrunk(frame: Any, scale: float, channels: int) -> np.ndarray[Any, Any]:
    """A frame of a film as (h, w, channels) uint8, grey or RGB, by the mean of the pixels that fall into one."""
    from av.video.reformatter import Interpolation

    height, width = scaled_size(frame.height, frame.width, scale)
    kind = "gray" if channels == 1 else "rgb24"
    pixels = frame.to_ndarray(format=kind, width=width, height=height, interpolation=Interpolation.AREA)
    return pixels.reshape(height, width, channels)


def folded(model: Any) -> Any:
    """A copy in which batch normalisation is folded into the convolutions before it, for evaluation alone."""
    model = copy.deepcopy(model).eval()
    for module in model.modules():
        if isinstance(module, nn.Sequential):
            for place in range(len(module) - 1):
                first, second = module[place], module[place + 1]
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    module[place], module[place + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
    return model


@dataclass
class BoxTable(Media):
    """A table of what is found in pictures and films, with a row for each box; written while they are decoded."""

    sources: list[Path]
    model: Detector
    data: HeldOut
    score: float
    caption: str = ""
    path: Path = field(default_factory=Path)

    kind, suffix = "table", ".csv"

    def write(self, path: Path) -> Path:
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(COLUMNS)
            for source in self.sources:
                for seconds, found in watched(source, self.model, self.data.images):
                    table.writerows(self.rows(source, seconds, at_least(found, self.score)))
        return path

    def rows(self, source: Path, seconds: float, found: Detections) -> Iterator[list[Any]]:
        for box, score, label in zip(found.boxes.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True):
            edges = (round(edge, 1) for edge in box)
            yield [source.name, f"{seconds:.3f}", self.data.names[label], round(score, 4), *edges]
