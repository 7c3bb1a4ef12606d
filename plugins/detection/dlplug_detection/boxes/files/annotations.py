"""What the layouts' readers give: the annotation of each image, and how it becomes pixels and padded targets."""

from __future__ import annotations

import io
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dlplug import UserError
from dlplug.errors import message_of
from dlplug.stop import stoppable
from dlplug_detection.boxes.batches import Targets
from dlplug_detection.boxes.fitting import Pixels, fitted

log = logging.getLogger("dlplug")

SHOWN = 3  # names in a log line


class Object(NamedTuple):
    """A box x1, y1, x2, y2 from edge to edge, in pixels of the file's image, and the name of its class."""

    box: tuple[float, float, float, float]
    name: str
    difficult: bool = False
    crowd: bool = False


class Annotation(NamedTuple):
    """One image's file, its size (width, height) as the annotation states it, and its objects."""

    file: str
    size: tuple[int, int] | None
    objects: Sequence[Object]


class Annotated(NamedTuple):
    """Images (N, H, W, 3) uint8 of one size, and their objects."""

    images: Tensor
    targets: Targets


class LeftOut:
    """Collects what is left out or changed, to log one line for each reason."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = defaultdict(list)

    def __call__(self, reason: str, name: str) -> None:
        self.names[reason].append(name)

    def report(self, source: str) -> None:
        for reason, names in self.names.items():
            shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
            log.warning(f"{source}: {len(names)} {reason}: {shown}")
        self.names.clear()


def loaded(
    annotations: Iterable[Annotation],
    files: Mapping[str, bytes],
    names: Sequence[str],
    size: tuple[int, int],
    left_out: LeftOut,
) -> Annotated:
    """Images fitted into `size` (height, width), and the objects of the classes `names`.

    An image that is missing, cannot be read or has another size than its annotation says is left out.
    """
    images, rows = [], []
    for annotation in stoppable(annotations):
        pixels = decoded(annotation, files, left_out)
        if pixels is None:
            continue
        height, width = pixels.shape[:2]
        pixels, scale = fitted(pixels, *size)
        objects = [one for one in cleaned(annotation, width, height, left_out) if one.name in names]
        images.append(torch.from_numpy(pixels))
        rows.append([one._replace(box=tuple(edge * scale for edge in one.box)) for one in objects])
    if not images:
        raise UserError("none of the annotated images can be read: each needs its file beside its annotation")
    return Annotated(torch.stack(images), padded(rows, names))


def decoded(annotation: Annotation, files: Mapping[str, bytes], left_out: LeftOut) -> Pixels | None:
    """RGB (H, W, 3) as stored, since boxes are drawn on stored pixels: not rotated by its EXIF orientation."""
    from PIL import Image

    try:
        content = files[annotation.file]
    except (KeyError, OSError):
        left_out("images left out, whose file is missing", annotation.file)
        return None
    try:
        with Image.open(io.BytesIO(content)) as file:
            pixels = np.asarray(file.convert("RGB"))
    except Exception as error:  # the type depends on the format and the damage
        left_out("images left out, which cannot be read", f"{annotation.file} ({message_of(error)})")
        return None
    height, width = pixels.shape[:2]
    if annotation.size not in (None, (width, height)):
        said = "{}x{}".format(*annotation.size)
        left_out("images left out, of another size than annotated", f"{annotation.file} ({width}x{height}, not {said})")
        return None
    return pixels


def cleaned(annotation: Annotation, width: int, height: int, left_out: LeftOut) -> list[Object]:
    """The objects with an area inside the image; boxes that reach beyond it are clipped."""
    kept = []
    for one in annotation.objects:
        x1, y1, x2, y2 = one.box
        box = max(0.0, x1), max(0.0, y1), min(float(width), x2), min(float(height), y2)
        named = f"{one.name} of {annotation.file} at {x1:g} {y1:g} {x2:g} {y2:g}"
        if not (x2 > x1 and y2 > y1):  # NaN included
            left_out("boxes left out, which have no area", named)
        elif not (box[2] > box[0] and box[3] > box[1]):
            left_out("boxes left out, which lie outside their image", named)
        else:
            if box != one.box:
                left_out("boxes clipped, which reach beyond their image", named)
            kept.append(one._replace(box=box))
    return kept


def padded(rows: Sequence[Sequence[Object]], names: Sequence[str]) -> Targets:
    """The objects of N images, padded to the most of any."""
    shape = len(rows), max(1, *map(len, rows))
    boxes, labels = torch.zeros(*shape, 4), torch.full(shape, -1)
    difficult, crowd = torch.zeros(shape, dtype=torch.bool), torch.zeros(shape, dtype=torch.bool)
    for n, objects in enumerate(rows):
        for m, one in enumerate(objects):
            boxes[n, m], labels[n, m] = torch.tensor(one.box), names.index(one.name)
            difficult[n, m], crowd[n, m] = one.difficult, one.crowd
    return Targets(boxes, labels, (labels >= 0).sum(1), difficult, crowd)


def class_names(annotations: Iterable[Annotation], wanted: Sequence[str]) -> tuple[str, ...]:
    """The classes to learn: those wanted, or else all that the annotations have, sorted. Raises UserError for a wanted
    class that they lack."""
    found = sorted({one.name for annotation in annotations for one in annotation.objects})
    if absent := [name for name in wanted if name not in found]:
        raise UserError(f"--data.classes: no box is a {absent[0]!r}; there are {', '.join(found)}")
    if not found:
        raise UserError("none of the training images has a box to learn from")
    return tuple(wanted or found)


def report_unknown(annotations: Iterable[Annotation], names: Sequence[str], left_out: LeftOut) -> None:
    """Collects the boxes of classes that are not learnt."""
    for annotation in annotations:
        for one in annotation.objects:
            if one.name not in names:
                left_out(
                    f"boxes left out, of a class that is none of {', '.join(names)}", f"{one.name} of {annotation.file}"
                )
