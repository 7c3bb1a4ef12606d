"""The small sets that everybody measures by, in torchvision's formats and by its classes; and digits at hand anyway."""

from __future__ import annotations

import contextlib
import gzip
import logging
import shutil
import struct
import tempfile
from math import prod
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import torch
import torch.nn.functional as F

from dlplug import NonNegativeInt, PositiveInt, UserError, data_folder
from dlplug_vision.images import Examples, Images, held_apart

log = logging.getLogger("dlplug")

WITHOUT = "the recipe digits needs no download"


class TorchvisionSet(Images):
    """A set that torchvision knows: its own test set, and a validation set that is held apart from its training set.

    It is looked for in the data folder ($DLPLUG_DATA, or ~/.cache/dlplug) and downloaded there by torchvision.
    """

    kind = ""

    def __init__(
        self,
        *,
        validation: PositiveInt = 5000,
        training: NonNegativeInt = 0,
        batch_size: PositiveInt = 128,
        flip: bool = False,
        crop: NonNegativeInt = 0,
        cutout: NonNegativeInt = 0,
        seed: int,
    ) -> None:
        """
        validation: number of training images held out for validation, the same for every seed.
        training: number of training images, the same for every seed; 0 takes all.
        batch_size: images per batch.
        flip: random horizontal flips.
        crop: pixels of padding for random crops; 0 for none.
        cutout: side of a randomly placed masked square, in pixels; 0 for none.
        """
        from torchvision import datasets

        of_kind = getattr(datasets, self.kind)
        read = read_cifar if issubclass(of_kind, datasets.CIFAR10) else read_idx
        train, test = read(of_kind, data_folder())
        train, val = held_apart(examples_of(train), validation)
        if training:
            _, train = held_apart(train, training, "training")
        # torchvision calls a digit "7 - seven"
        names = tuple(name.partition(" - ")[0] for name in test.classes)
        parts = {"train": train, "val": val, "test": examples_of(test)}
        super().__init__(parts, names, batch_size=batch_size, flip=flip, crop=crop, cutout=cutout, seed=seed)


class MNIST(TorchvisionSet):
    """60,000 handwritten digits of 28x28, and 10,000 to test (LeCun et al. 1998)."""

    kind = "MNIST"


class FashionMNIST(TorchvisionSet):
    """Ten kinds of clothes in MNIST's format (Xiao et al. 2017, arXiv:1708.07747)."""

    kind = "FashionMNIST"


class KMNIST(TorchvisionSet):
    """Ten cursive Japanese characters in MNIST's format (Clanuwat et al. 2018, arXiv:1812.01718)."""

    kind = "KMNIST"


class CIFAR10(TorchvisionSet):
    """50,000 coloured pictures of 32x32 in ten classes, and 10,000 to test (Krizhevsky 2009)."""

    kind = "CIFAR10"


class CIFAR100(TorchvisionSet):
    """CIFAR's pictures in a hundred classes (Krizhevsky 2009)."""

    kind = "CIFAR100"


class Digits(Images):
    """scikit-learn's 1797 digits of 8x8 pixels: 60 % train, 20 % val, 20 % test; no download.

    The split is the same for every seed and keeps the classes' shares. Source: Alpaydin & Kaynak 1998, UCI
    (doi:10.24432/C50P49), whose test half this is.
    """

    def __init__(
        self,
        *,
        size: PositiveInt = 8,
        training: NonNegativeInt = 0,
        batch_size: PositiveInt = 64,
        flip: bool = False,
        crop: NonNegativeInt = 0,
        cutout: NonNegativeInt = 0,
        seed: int,
    ) -> None:
        """
        size: pixels per side; sizes other than 8 are interpolated.
        training: number of training images, the same for every seed; 0 takes all 1078.
        batch_size: images per batch.
        flip: random horizontal flips.
        crop: pixels of padding for random crops; 0 for none.
        cutout: side of a randomly placed masked square, in pixels; 0 for none.
        """
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        x, y = load_digits(return_X_y=True)
        # 17 levels of grey, 0 to 16
        images = torch.from_numpy(np.rint(x.reshape(-1, 8, 8, 1) * 255 / 16).astype(np.uint8))
        if size != 8:
            images = resized(images, size)
        everything = Examples(images, torch.from_numpy(y).long())
        train, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=0)
        val, test = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=0)
        parts = {
            name: everything.take(torch.from_numpy(index))
            for name, index in (("train", train), ("val", val), ("test", test))
        }
        if training:
            _, parts["train"] = held_apart(parts["train"], training, "training")
        names = tuple("0123456789")
        super().__init__(parts, names, batch_size=batch_size, flip=flip, crop=crop, cutout=cutout, seed=seed)


def resized(images: torch.Tensor, size: int) -> torch.Tensor:
    """uint8 (N, H, W, C) as (N, size, size, C), by straight lines between the pixels."""
    if size < 1:
        raise UserError(f"--data.size must be at least 1, got {size}")
    drawn = F.interpolate(images.permute(0, 3, 1, 2).float(), (size, size), mode="bilinear", antialias=True)
    return drawn.round().clamp(0, 255).byte().permute(0, 2, 3, 1)


def examples_of(dataset: Any) -> Examples:
    """torchvision's arrays (N, H, W) or (N, H, W, C) as they are here."""
    images = torch.as_tensor(dataset.data)
    return Examples(images if images.ndim == 4 else images[..., None], torch.as_tensor(dataset.targets).long())


def read_idx(kind: Any, root: Path) -> tuple[Any, Any]:
    """torchvision's training and test set of one of MNIST's format, downloaded where it is missing. Files that are
    only there as they are distributed, .gz, are unpacked for the reading alone: the folder may be read-only.

    Raises UserError, naming the file, for one that is missing and cannot be downloaded, or that is truncated.
    """
    from torchvision.datasets.utils import check_integrity

    raw = root / kind.__name__ / "raw"
    plain = [raw / name.removesuffix(".gz") for name, _ in kind.resources]
    packed = [raw / name for name, _ in kind.resources]
    if not all(path.is_file() for path in plain):
        whole = [check_integrity(str(path), md5) for path, (_, md5) in zip(packed, kind.resources, strict=True)]
        if all(whole):
            with tempfile.TemporaryDirectory() as scratch:
                unpack(packed, Path(scratch) / kind.__name__ / "raw")
                return kind(scratch, train=True), kind(scratch, train=False)
        wanted = packed[whole.index(False)]
        download(kind, root, wanted, kind.mirrors[0] + wanted.name, raw)
    for path in plain:
        check_idx(path)
    return kind(root, train=True), kind(root, train=False)


def unpack(packed: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for path in packed:
        with gzip.open(path) as source, open(folder / path.stem, "wb") as target:
            shutil.copyfileobj(source, target)


def check_idx(path: Path) -> None:
    """Raises UserError where a file is not as long as its header says: two zeros, the type, the number of axes, each
    one's length as four bytes, and a byte for each pixel."""
    with open(path, "rb") as file:
        head = file.read(16)
    axes = head[3] if len(head) >= 4 else 0
    size = path.stat().st_size
    if head[:3] != b"\0\0\x08" or axes not in (1, 3) or len(head) < 4 + 4 * axes:
        raise UserError(f"{path} is not an idx file, or truncated: {size} bytes; remove it to download it again")
    whole = 4 + 4 * axes + prod(struct.unpack(f">{axes}I", head[4 : 4 + 4 * axes]))
    if size != whole:
        raise UserError(f"{path} is truncated: {size} bytes of {whole}; remove it to download it again")


def read_cifar(kind: Any, root: Path) -> tuple[Any, Any]:
    """torchvision's training and test set of CIFAR, downloaded where it is missing. Raises UserError as above."""
    from torchvision.datasets.utils import check_integrity

    folder = root / kind.base_folder
    listed = [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]
    damaged = next((folder / name for name, md5 in listed if not check_integrity(str(folder / name), md5)), None)
    if damaged is not None:
        download(kind, root, damaged, kind.url, root)
    return kind(root, train=True), kind(root, train=False)


def download(kind: Any, root: Path, wanted: Path, address: str, place: Path) -> None:
    """By torchvision. Raises UserError that names the file, the folder it was expected in, its address
    and the place where torchvision finds it."""
    log.info(f"downloading {kind.__name__} into {root}")
    try:
        root.mkdir(parents=True, exist_ok=True)
        kind(root, download=True)
    except (OSError, URLError, RuntimeError, EOFError) as error:
        with contextlib.suppress(OSError):  # the empty folders that torchvision has made
            wanted.parent.rmdir()
            wanted.parent.parent.rmdir()
        state = "is truncated or damaged" if wanted.exists() else "is missing"
        reason = " ".join(str(error).split())[-120:]
        raise UserError(
            f"{wanted.name} {state} in {wanted.parent}, and downloading it failed ({reason}): put {address} into "
            f"{place}, or set DLPLUG_DATA to a folder that has {kind.__name__}; {WITHOUT}"
        ) from None
