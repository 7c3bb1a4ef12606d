"""Finds the images of a folder and their masks, by part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from dlplug_images.folders.layout import PART_NAMES, hidden, image_files, log_skipped

from dlplug import UserError

IMAGES = ("images", "image", "imgs", "jpegimages")
MASKS = ("masks", "mask", "labels", "annotations", "segmentationclass")  # names of folders, in lower case
ENDINGS = ("", "_mask")  # of a mask's name without its suffix, after its image's


class Pair(NamedTuple):
    """The paths of an image and its mask below the root, and the part whose folder they are in; "" where the folder has
    no parts."""

    image: PurePath
    mask: PurePath
    part: str


def find_pairs(root: Path) -> list[Pair]:
    """The images that have a mask: NAME.jpg beside NAME.png or NAME_mask.png, or images/NAME.jpg and masks/NAME.png;
    below folders train, val and test or without them. Images without a mask, and masks without an image, are logged.

    Raises UserError for a folder without a pair.
    """
    if not root.is_dir():
        raise UserError(f"--data.path {root} is not a folder")
    files = [path for path in sorted(image_files(root), key=lambda path: path.parts) if not hidden(path)]
    masks = {key_of(path): path for path in files if in_folder(path, MASKS)}
    images = [path for path in files if in_folder(path, IMAGES)]
    if not images and not masks:
        masks, images = beside(files)
    pairs, alone = list[Pair](), list[PurePath]()
    for image in images:
        key = next((key for ending in ENDINGS if (key := key_of(image, ending)) in masks), None)
        if key is None:
            alone.append(image)
        else:
            pairs.append(Pair(image, masks.pop(key), part_folder(image)))
    if not pairs:
        raise UserError(
            f"{root} has no image with a mask; expected NAME.jpg beside NAME.png, or folders images and masks with "
            f"files of the same names"
        )
    log_skipped(root, "without a mask", alone)
    log_skipped(root, "masks without an image", list(masks.values()))
    return pairs


def in_folder(path: PurePath, names: Sequence[str]) -> bool:
    return any(folder.lower() in names for folder in path.parts[:-1])


def key_of(path: PurePath, ending: str = "") -> PurePath:
    """What an image and its mask have in common: the path without suffix, and without folders for images or masks."""
    folders = [folder for folder in path.parts[:-1] if folder.lower() not in (*IMAGES, *MASKS)]
    return PurePath(*folders, path.stem + ending)


def beside(files: Sequence[PurePath]) -> tuple[dict[PurePath, PurePath], list[PurePath]]:
    """Masks by key, and images, of files that lie side by side: a PNG is a mask where there is another file of its name
    without the ending."""
    others = {key_of(path) for path in files if path.suffix.lower() != ".png"}
    plain = {key_of(path) for path in files}
    masks = {}
    for path in files:
        key = key_of(path)
        longer = key.name.endswith(ENDINGS[1]) and key.with_name(key.name.removesuffix(ENDINGS[1])) in plain
        if path.suffix.lower() == ".png" and (key in others or longer):
            masks[key] = path
    taken = set(masks.values())
    return masks, [path for path in files if path not in taken]


def part_folder(path: PurePath) -> str:
    """The part in whose folder a file lies: train, val, test, or ""."""
    return next((PART_NAMES[folder.lower()] for folder in path.parts[:-1] if folder.lower() in PART_NAMES), "")
