"""Sets of annotated images: anybody's folders in the layouts of VOC and of COCO, and the blood cells of BCCD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated as Ranged

from dlplug_images.folders.image_folder import part_of

from dlplug import PositiveInt, Range, UserError
from dlplug_detection.boxes.files.annotations import (
    Annotated,
    Annotation,
    LeftOut,
    class_names,
    loaded,
    report_unknown,
)
from dlplug_detection.boxes.files.coco import read_coco
from dlplug_detection.boxes.files.voc import SPLITS, FolderFiles, read_voc, voc_splits
from dlplug_detection.boxes.photographs import Augmentation, Photographs

Share = Ranged[float, Range(gt=0, lt=1)]


@dataclass(frozen=True)
class Reading:
    """How images are read.

    height: height in pixels of the images that are learnt from; each is scaled to fit, and the rest is black.
    width: width in pixels.
    validation: fraction of the images held out for validation, where the set does not say which.
    test: fraction of the images held out for testing, where the set does not say which.
    classes: the classes to learn, in this order; boxes of others are left out. All of the training images by default.
    """

    height: PositiveInt = 240
    width: PositiveInt = 320
    validation: Share = 0.1
    test: Share = 0.2
    classes: tuple[str, ...] = ()

    @property
    def shares(self) -> dict[str, float]:
        if self.validation + self.test >= 1:
            raise UserError(
                f"--data.validation {self.validation} and --data.test {self.test} leave nothing to train on"
            )
        return {"val": self.validation, "test": self.test}


class VocFolder(Photographs):
    """Anybody's images with boxes in Pascal VOC's layout: JPEGImages, Annotations, and ImageSets/Main where there are
    lists of splits. Difficult objects are not trained on, and are neither hits nor misses."""

    def __init__(
        self, *, path: str, reading: Reading = Reading(), augmentation: Augmentation = Augmentation(), seed: int
    ) -> None:
        """
        path: the folder that has JPEGImages and Annotations.
        """
        root = Path(path).expanduser()
        for folder in ("JPEGImages", "Annotations"):
            if not (root / folder).is_dir():
                raise UserError(f"--data.path {root} has no folder {folder}: expected Pascal VOC's layout")
        super().__init__(*read_voc_set(FolderFiles(root), str(root), reading), augmentation, seed=seed)


class CocoFile(Photographs):
    """Anybody's images with boxes in COCO's layout: a JSON file, and a folder of images. Crowds are not trained on, and
    what is found inside one is no false alarm."""

    def __init__(
        self,
        *,
        path: str,
        images: str = "",
        val_path: str = "",
        test_path: str = "",
        reading: Reading = Reading(),
        augmentation: Augmentation = Augmentation(),
        seed: int,
    ) -> None:
        """
        path: the JSON file.
        images: the folder of the images; that of the JSON file by default.
        val_path: JSON file of the validation images, which lie in the same folder, or beside it.
        test_path: JSON file of the test images.
        """
        left_out = LeftOut()
        root = Path(images or Path(path).parent).expanduser()
        named = {"train": path, "val": val_path, "test": test_path}
        given = {split: Path(file).expanduser() for split, file in named.items() if file}
        missing = {split: share for split, share in reading.shares.items() if split not in given}
        parts: dict[str, list[Annotation]] = {split: [] for split in SPLITS}
        for split, file in given.items():
            for one in read_coco(file, left_out):
                parts[part_of(one.file, missing, split)].append(one)
        super().__init__(*read_parts(parts, FolderFiles(root), path, reading, left_out), augmentation, seed=seed)


def read_voc_set(
    files: Mapping[str, bytes], source: str, reading: Reading
) -> tuple[dict[str, Annotated], tuple[str, ...]]:
    """The splits of a set in VOC's layout, and the names of its classes."""
    left_out = LeftOut()
    annotations, lists = read_voc(files, left_out)
    parts = voc_splits(annotations, lists, reading.shares, left_out)
    return read_parts(parts, files, source, reading, left_out)


def read_parts(
    parts: Mapping[str, Sequence[Annotation]],
    files: Mapping[str, bytes],
    source: str,
    reading: Reading,
    left_out: LeftOut,
) -> tuple[dict[str, Annotated], tuple[str, ...]]:
    """Decodes the images of all splits. Raises UserError for a split without images."""
    if empty := [split for split in SPLITS if not parts[split]]:
        left_out.report(source)
        count = sum(map(len, parts.values()))
        raise UserError(f"no image of {source} falls into {empty[0]}; there are {count} annotated ones in all")
    names = class_names(parts["train"], reading.classes)
    images = {}
    for split in SPLITS:
        report_unknown(parts[split], names, left_out)
        images[split] = loaded(parts[split], files, names, (reading.height, reading.width), left_out)
    left_out.report(source)
    return images, names
