"""Finds the images of a folder by part and class from their paths, and logs those that are left out."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from dlplug import UserError

log = logging.getLogger("dlplug")

SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
# names of the parts' folders, in lower case
PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
NOT_OURS = ("__MACOSX", "@eaDir")  # folders of copies and thumbnails from macOS and Synology

Classes = dict[str, list[PurePath]]


def find_images(root: Path) -> tuple[dict[str, Classes], tuple[str, ...]]:
    """The images' paths below root by part and class, and the names of the training classes. A folder of
    classes has one part, ""; a folder of parts has "train" and others.

    Raises UserError for a folder on which a classifier cannot be trained.
    """
    files = sorted(image_files(root), key=lambda path: path.parts)
    visible = [path for path in files if not hidden(path)]
    log_skipped(root, "hidden or copied by the system", [path for path in files if hidden(path)])
    homes = part_folders(root, visible)
    parts: dict[str, Classes] = {part: {} for part in homes or [""]}
    loose, beside = list[PurePath](), list[PurePath]()
    for path in visible:
        folders = path.parts[:-1]
        part = ""
        if homes and folders:
            part = next((part for part, home in homes.items() if home == folders[0]), None)
            folders = folders[1:]
        if part is None:
            beside.append(path)
        elif not folders:
            loose.append(path)
        else:
            parts[part].setdefault(as_text(folders[0]), []).append(path)
    names = tuple(sorted(parts["train" if homes else ""]))
    check_classes(root / homes.get("train", ""), names, bool(homes))
    log_skipped(root, "outside of a class's folder", loose)
    log_skipped(root, f"outside of {', '.join(sorted(homes.values()))}", beside)
    for classes in parts.values():
        others = classes.keys() - set(names)
        log_skipped(root, "of classes without a training image",
                     [path for name in sorted(others) for path in classes.pop(name)])  # fmt: skip
    log_skipped(root, "without images", empty_folders(root, list(homes.values())), "folder")
    return parts, names


def image_files(root: Path) -> Iterator[PurePath]:
    """All files below root, relative to it, following links to each folder once."""
    visited: set[str] = set()
    for place, folders, names in os.walk(root, followlinks=True):
        if (real := os.path.realpath(place)) in visited:
            folders.clear()
            continue
        visited.add(real)
        yield from (PurePath(place, name).relative_to(root) for name in names if is_image(name))


def is_image(name: str) -> bool:
    return PurePath(name).suffix.lower() in SUFFIXES


def hidden(path: PurePath) -> bool:
    return any(part.startswith(".") or part in NOT_OURS for part in path.parts)


def part_folders(root: Path, files: Sequence[PurePath]) -> dict[str, str]:
    """The folder of each part that has one with classes in it: {"train": "train", "val": "valid"}. Empty for a folder
    of classes, even if one is called "train". Raises UserError where there is no training part."""
    named: dict[str, list[str]] = {}
    for home in dict.fromkeys(path.parts[0] for path in files if len(path.parts) > 2):
        if part := PART_NAMES.get(home.lower()):
            named.setdefault(part, []).append(home)
    homes = {part: min(spellings, key=lambda home: (home != part, home)) for part, spellings in named.items()}
    tops = {path.parts[0] for path in files if len(path.parts) > 1}
    if homes and "train" not in homes:
        raise UserError(
            f"{root} has a folder {' and '.join(homes.values())} of classes, but none to train on: put the training "
            f"classes into {root / 'train'}"
        )
    if not homes and tops and all(top.lower() in PART_NAMES for top in tops):
        raise UserError(
            f"{root / min(tops)} has images, but not in one folder per class; expected {root / 'train'}/CLASS/IMAGE"
        )
    return homes


def check_classes(top: Path, names: Sequence[str], divided: bool) -> None:
    if len(names) >= 2:
        return
    content = f"only the class {names[0]}" if names else "no folder with images"
    deeper = "" if divided or not names else f"; where its folders are the classes, give --data.path {top / names[0]}"
    raise UserError(f"{top} has {content}; expected one folder of images ({' '.join(SUFFIXES)}) per class{deeper}")


def empty_folders(root: Path, homes: Sequence[str]) -> list[PurePath]:
    """The folders that could be classes but contain no image."""
    tops = [root / home for home in homes] or [root]
    folders = [path for top in tops for path in sorted(top.iterdir()) if path.is_dir()]
    visible = [path for path in folders if not hidden(PurePath(path.name))]
    return [path.relative_to(root) for path in visible if not any(image_files(path))]


def log_skipped(root: Path, reason: str, paths: Sequence[PurePath], noun: str = "image") -> None:
    if paths:
        count = f"{len(paths)} {noun}{'s' * (len(paths) > 1)}"
        named = ", ".join(as_text(path.as_posix()) for path in paths[:3]) + (", …" if len(paths) > 3 else "")
        log.warning(f"left out of {root}: {count} {reason}: {named}")


def as_text(name: str) -> str:
    """A file's name as text, in Unicode's composed form (macOS decomposes it); bytes that are not UTF-8 are escaped."""
    return unicodedata.normalize("NFC", os.fsencode(name).decode(errors="backslashreplace"))
