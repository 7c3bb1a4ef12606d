"""The layout of Pascal VOC: JPEGImages, an XML file for each image in Annotations, and lists of splits in ImageSets."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from dlplug_images.folders.image_folder import part_of
from dlplug_images.folders.layout import hidden, is_image

from dlplug_detection.boxes.files.annotations import Annotation, LeftOut, Object

EDGES = ("xmin", "ymin", "xmax", "ymax")
LISTS = "ImageSets/Main"
SPLITS = ("train", "val", "test")


class FolderFiles(Mapping[str, bytes]):
    """The files below a folder by their relative paths, read when they are asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __getitem__(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def __iter__(self) -> Iterator[str]:
        paths = (path.relative_to(self.root) for path in sorted(self.root.rglob("*")) if path.is_file())
        return (path.as_posix() for path in paths if not hidden(path))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def read_voc(files: Mapping[str, bytes], left_out: LeftOut) -> tuple[dict[str, Annotation], dict[str, list[str]]]:
    """The annotation of each image by its name, and the names in each list of ImageSets/Main, {} without lists.

    An image without an annotation, or with one that cannot be read, is left out.
    """
    paths = [PurePosixPath(path) for path in files]
    images = {path.stem: path for path in paths if path.parent.name == "JPEGImages" and is_image(path.name)}
    texts = {path.stem: path for path in paths if path.parent.name == "Annotations" and path.suffix == ".xml"}
    annotations = {}
    for name, path in texts.items():
        try:
            read = read_annotation(files[str(path)])
        except (ET.ParseError, ValueError) as error:
            left_out("annotations left out, which cannot be read", f"{path.name} ({error})")
            continue
        annotations[name] = read._replace(file=str(images.get(name, f"JPEGImages/{name}.jpg")))
    for name in sorted(images.keys() - texts.keys()):
        left_out("images left out, which have no annotation", name)
    lists = {
        path.stem: [line.split()[0] for line in files[str(path)].decode(errors="replace").splitlines() if line.strip()]
        for path in paths
        if str(path.parent).endswith(LISTS) and path.stem in (*SPLITS, "trainval")
    }
    return annotations, lists


def read_annotation(content: bytes) -> Annotation:
    """One XML file. VOC counts pixels from 1 and includes the last: edges are xmin - 1 and xmax. Raises ParseError, or
    ValueError for one that lacks what it needs."""
    root = ET.fromstring(content)
    size = tuple(int(float(root.findtext(f"size/{side}", "0"))) for side in ("width", "height"))
    objects = [read_object(element) for element in root.iter("object")]
    return Annotation("", (size[0], size[1]) if all(size) else None, objects)


def read_object(element: Any) -> Object:
    name = element.findtext("name", "").strip()
    texts = [element.findtext(f"bndbox/{edge}") for edge in EDGES]
    if not name or None in texts:
        raise ValueError(f"an object without {'a name' if not name else EDGES[texts.index(None)]}")
    x1, y1, x2, y2 = map(float, texts)
    if (x2 > x1) and (y2 > y1):
        x1, y1 = x1 - 1, y1 - 1
    return Object((x1, y1, x2, y2), name, element.findtext("difficult", "0").strip() == "1")


def voc_splits(
    annotations: Mapping[str, Annotation],
    lists: Mapping[str, list[str]],
    shares: Mapping[str, float],
    left_out: LeftOut,
) -> dict[str, list[Annotation]]:
    """Train, val and test by the lists; without them, val and test are split off by a hash of each image's name.

    shares: the fractions for a val and a test that have no list.
    """
    names = {split: lists[split] for split in SPLITS if split in lists} or {"train": list(annotations)}
    if "train" not in names:
        held_out = {name for listed in names.values() for name in listed}
        names["train"] = [name for name in lists.get("trainval", annotations) if name not in held_out]
    missing = {split: share for split, share in shares.items() if split not in names}
    parts: dict[str, list[Annotation]] = {split: [] for split in SPLITS}
    for split, listed in names.items():
        for name in listed:
            if name not in annotations:
                left_out("images of ImageSets left out, which have no annotation", name)
            else:
                parts[part_of(name, missing, split)].append(annotations[name])
    return parts
