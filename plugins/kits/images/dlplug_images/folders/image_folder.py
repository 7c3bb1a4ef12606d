"""A data set from any folder of images, which are decoded once, when the run starts."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Annotated

import numpy as np
import torch

from dlplug import PositiveInt, Range, UserError
from dlplug.errors import message_of
from dlplug.stop import stop_if_asked
from dlplug_images.folders.decoding import Pixels, decode, to_uint8, value_range
from dlplug_images.folders.layout import Classes, find_images, log_skipped
from dlplug_images.images import SPLIT_SEED, Augmentation, Examples, Images

log = logging.getLogger("dlplug")

PARTS = ("train", "val", "test")


class ImageFolder(Images):
    """Any folder of images: a folder for each class, or train, val and test folders of class folders.

    If they have no folders, val and test are split off by a hash of each file's name, so that the split stays the same
    when images are added. Skipped images are logged: hidden files, unreadable images, classes without a training
    image.

    path: a folder with one folder of images per class.
    size: image size in pixels: the shorter side is scaled to it, then a centre crop.
    grey: one channel instead of three.
    validation: fraction of the images held out for validation.
    test: fraction of the images held out for testing.
    """

    def __init__(
        self,
        *,
        path: str,
        size: PositiveInt = 64,
        grey: bool = False,
        validation: Annotated[float, Range(gt=0, lt=1)] = 0.1,
        test: Annotated[float, Range(gt=0, lt=1)] = 0.2,
        augmentation: Augmentation = Augmentation(batch_size=64),
        seed: int,
    ) -> None:
        if not path:
            raise UserError("--data.path is empty: give a folder with one folder of images per class")
        if size < 1 or min(validation, test) <= 0 or validation + test >= 1:
            raise UserError(
                f"--data.size must be at least 1, --data.validation and --data.test positive fractions that sum to "
                f"less than 1; got {size}, {validation} and {test}"
            )
        shares = {"test": test, "val": validation}
        parts, names = read_folder(Path(path).expanduser(), size, grey, shares)
        super().__init__(parts, names, augmentation, seed=seed)


def read_folder(
    root: Path, size: int, grey: bool, shares: dict[str, float]
) -> tuple[dict[str, Examples], tuple[str, ...]]:
    """The three splits and the class names. Raises UserError for a folder on which a classifier cannot be trained."""
    if not root.is_dir():
        raise UserError(f"--data.path {root} is not a folder")
    parts, names = find_images(root)
    pixels: dict[str, list[Pixels]] = {part: [] for part in PARTS}
    classes: dict[str, list[int]] = {part: [] for part in PARTS}
    broken: dict[PurePath, str] = {}
    missing = {part: share for part, share in shares.items() if part not in parts}
    for home, number, path in in_order(parts, names):
        stop_if_asked()
        part = part_of(path.as_posix(), missing, home)
        try:
            pixels[part].append(decode(root / path, size, grey))
            classes[part].append(number)
        except Exception as error:  # the type depends on the format and the damage
            broken[path] = message_of(error)
    reason = next(iter(broken.values()), "")
    log_skipped(root, f"impossible to read ({reason})", list(broken))
    check_parts(root, classes, names)
    if levels := value_range(pixels["train"]) or value_range([image for images in pixels.values() for image in images]):
        black, white = levels
        log.info(f"images of 32-bit numbers: {black:g} is black, {white:g} is white")
        pixels = {part: to_uint8(images, black, white, grey) for part, images in pixels.items()}
    parts = {p: Examples(torch.from_numpy(np.stack(pixels[p])), torch.tensor(classes[p])) for p in PARTS}
    return parts, names


def in_order(parts: dict[str, Classes], names: Sequence[str]) -> Iterator[tuple[str, int, PurePath]]:
    """Part, class index and path of each image."""
    for part in [part for part in ("", *PARTS) if part in parts]:
        for number, name in enumerate(names):
            for path in parts[part].get(name, []):
                yield part, number, path


def check_parts(root: Path, classes: dict[str, list[int]], names: Sequence[str]) -> None:
    for part in PARTS:
        if not classes[part]:
            raise UserError(f"no image of {root} falls into {part}; there are {sum(map(len, classes.values()))} in all")
    if unseen := set(range(len(names))) - set(classes["train"]):
        raise UserError(f"no image of the class {names[min(unseen)]} in {root} is left to train on")


def part_of(relative: str, shares: dict[str, float], home: str) -> str:
    """The split of an image: that of its folder or, for a training image, possibly a split without a folder, chosen by
    the hash of its name."""
    if home not in ("", "train"):
        return home
    digest = hashlib.sha256(f"{SPLIT_SEED}:".encode() + os.fsencode(relative)).digest()
    place = int.from_bytes(digest[:8]) / 2**64
    for part, share in shares.items():
        if place < share:
            return part
        place -= share
    return "train"
