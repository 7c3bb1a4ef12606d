"""Segmentation data from any folder of images and masks, which are decoded once, when the run starts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from dlplug_images.folders.image_folder import PARTS, part_of
from numpy.typing import NDArray

from dlplug import PositiveInt, Range, UserError
from dlplug.errors import message_of
from dlplug.stop import stop_if_asked
from dlplug_detection.segmentation.augment import Augmentation
from dlplug_detection.segmentation.batches import IGNORE, Maps
from dlplug_detection.segmentation.images import SegmentedImages
from dlplug_detection.segmentation.pairing import Pair, find_pairs
from dlplug_detection.segmentation.reading import picture_of, values_of

log = logging.getLogger("dlplug")

Share = Annotated[float, Range(gt=0, lt=1)]
Pixels = NDArray[np.uint8]


class MaskFolder(SegmentedImages):
    """Any folder of images and masks: NAME.jpg beside NAME.png or NAME_mask.png, or folders images and masks.

    The numbers of a mask's palette or grey levels are its classes; 255 is ignored. A file classes.txt may name them,
    one a line, from 0 on. Without it the classes are 0 to the largest number, and masks of 0 and 255 alone have the
    classes 0 and 1. If there are no folders val and test, these are split off by a hash of each file's name.

    path: a folder of images and masks.
    size: height and width, to which all images are scaled; masks to the nearest pixel.
    validation: fraction of the images held out for validation.
    test: fraction of the images held out for testing.
    """

    def __init__(
        self,
        *,
        path: str,
        size: tuple[PositiveInt, PositiveInt] = (128, 128),
        validation: Share = 0.1,
        test: Share = 0.2,
        augmentation: Augmentation = Augmentation(flip=True),
        seed: int,
    ) -> None:
        if not path:
            raise UserError("--data.path is empty: give a folder of images and masks")
        if validation + test >= 1:
            raise UserError(f"--data.validation and --data.test must sum to less than 1, got {validation} and {test}")
        root = Path(path).expanduser()
        parts, names = read_folder(root, size, {"test": test, "val": validation})
        super().__init__(parts, names, augmentation, seed=seed)


def read_folder(root: Path, size: tuple[int, int], shares: dict[str, float]) -> tuple[dict[str, Maps], tuple[str, ...]]:
    """The three splits and the names of the classes. Raises UserError, which names the file, for a mask of another size
    than its image, and for one with a class that is not in classes.txt."""
    pairs = find_pairs(root)
    names = class_names(root)
    homes = {pair.part for pair in pairs} - {""}
    missing = {part: share for part, share in shares.items() if part not in homes}
    images: dict[str, list[Pixels]] = {part: [] for part in PARTS}
    masks: dict[str, list[Pixels]] = {part: [] for part in PARTS}
    for pair in pairs:
        stop_if_asked()
        image, mask = read_pair(root, pair)
        if names and (wrong := set(np.unique(mask).tolist()) - {*range(len(names)), IGNORE}):
            raise UserError(
                f"{root / pair.mask} has the class {min(wrong)}, and classes.txt names only 0 to {len(names) - 1} "
                f"({IGNORE} is ignored)"
            )
        part = part_of(pair.image.as_posix(), missing, pair.part)
        images[part].append(resized(image, size, smooth=True))
        masks[part].append(resized(mask, size, smooth=False))
    for part in PARTS:
        if not images[part]:
            raise UserError(f"no image of {root} falls into {part}; there are {len(pairs)} in all")
    names = numbered(root, masks, names)
    parts = {
        part: Maps(torch.from_numpy(np.stack(images[part])), torch.from_numpy(np.stack(masks[part]))) for part in PARTS
    }
    warn_of_unseen(root, parts["train"], names)
    return parts, names


def class_names(root: Path) -> tuple[str, ...]:
    """The lines of classes.txt; () without that file."""
    path = root / "classes.txt"
    if not path.is_file():
        return ()
    try:
        names = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({error})") from None
    if not 2 <= len(names) <= IGNORE or len(set(names)) < len(names):
        raise UserError(f"{path} must name from 2 to {IGNORE} different classes, one a line; it has {len(names)} lines")
    return names


def read_pair(root: Path, pair: Pair) -> tuple[Pixels, Pixels]:
    """An image (H, W, 3) and its mask (H, W)."""
    path = root / pair.image
    try:
        image = picture_of(path)
        path = root / pair.mask
        mask = values_of(path)
    except Exception as error:  # the type depends on the format and the damage
        raise UserError(f"{path} cannot be read: {message_of(error)}") from None
    if image.shape[:2] != mask.shape:
        raise UserError(
            f"{path} is a mask of {mask.shape[0]}x{mask.shape[1]} pixels, and its image {pair.image} has "
            f"{image.shape[0]}x{image.shape[1]}"
        )
    return image, mask


def resized(pixels: Pixels, size: tuple[int, int], *, smooth: bool) -> Pixels:
    from PIL import Image

    method = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize((size[1], size[0]), method))


def numbered(root: Path, masks: dict[str, list[Pixels]], names: tuple[str, ...]) -> tuple[str, ...]:
    """The classes' names, or their numbers from 0 to the largest. Masks of 0 and 255 alone are changed in place to 0
    and 1, if there are two names or none."""
    found = sorted({int(value) for part in masks.values() for mask in part for value in np.unique(mask)})
    if found in ([0, IGNORE], [IGNORE]) and len(names) in (0, 2):
        for part in masks.values():
            part[:] = [mask // IGNORE for mask in part]
        return names or ("background", "object")
    if names:
        return names
    classes = [value for value in found if value != IGNORE]
    if not classes or classes[-1] == 0:
        raise UserError(f"the masks of {root} have a single class, {found[0]}: there is nothing to learn")
    return tuple(str(value) for value in range(classes[-1] + 1))


def warn_of_unseen(root: Path, train: Maps, names: Sequence[str]) -> None:
    seen = set(train.classes.unique().tolist())
    if unseen := [name for number, name in enumerate(names) if number not in seen]:
        log.warning(f"no training mask of {root} has the class{'es' * (len(unseen) > 1)} {', '.join(unseen)}")
