"""Reads torchvision's files: downloads missing ones, checks and unpacks them."""

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

from dlplug import UserError
from dlplug.errors import message_of

log = logging.getLogger("dlplug")

WITHOUT = "--data digits needs no download"


def read_idx(kind: Any, root: Path) -> tuple[Any, Any]:
    """The training and test sets of a torchvision data set in MNIST's format, downloaded if missing. Compressed files
    (.gz) are unpacked into a temporary folder, since the data folder may be read-only.

    Raises UserError, naming the file, if one is truncated, or is missing and cannot be downloaded.
    """
    from torchvision.datasets.utils import check_integrity

    raw = root / kind.__name__ / "raw"
    plain = [raw / name.removesuffix(".gz") for name, _ in kind.resources]
    packed = [raw / name for name, _ in kind.resources]
    if not all(path.is_file() for path in plain):
        intact = [check_integrity(str(path), md5) for path, (_, md5) in zip(packed, kind.resources, strict=True)]
        if all(intact):
            with tempfile.TemporaryDirectory() as scratch:
                unpack(packed, Path(scratch) / kind.__name__ / "raw")
                return kind(scratch, train=True), kind(scratch, train=False)
        broken = packed[intact.index(False)]
        download(kind, root, broken, kind.mirrors[0] + broken.name, raw)
    for path in plain:
        check_idx(path)
    return kind(root, train=True), kind(root, train=False)


def unpack(packed: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for path in packed:
        with gzip.open(path) as source, open(folder / path.stem, "wb") as target:
            shutil.copyfileobj(source, target)


def check_idx(path: Path) -> None:
    """Raises UserError if a file's size does not match its header: two zeros, the type, the number of axes, the length
    of each axis in four bytes; then one byte per pixel."""
    with open(path, "rb") as file:
        head = file.read(16)
    axes = head[3] if len(head) >= 4 else 0
    size = path.stat().st_size
    if head[:3] != b"\0\0\x08" or axes not in (1, 3) or len(head) < 4 + 4 * axes:
        raise UserError(f"{path} is not an idx file or is truncated: {size} bytes; remove it to download it again")
    expected = 4 + 4 * axes + prod(struct.unpack(f">{axes}I", head[4 : 4 + 4 * axes]))
    if size != expected:
        raise UserError(f"{path} is truncated: {size} bytes of {expected}; remove it to download it again")


def read_cifar(kind: Any, root: Path) -> tuple[Any, Any]:
    """The training and test sets of CIFAR from torchvision, downloaded if missing. Raises UserError like `read_idx`."""
    from torchvision.datasets.utils import check_integrity

    folder = root / kind.base_folder
    listed = [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]
    damaged = next((folder / name for name, md5 in listed if not check_integrity(str(folder / name), md5)), None)
    if damaged is not None:
        download(kind, root, damaged, kind.url, root)
    return kind(root, train=True), kind(root, train=False)


def download(kind: Any, root: Path, file: Path, address: str, place: Path) -> None:
    """Downloads with torchvision. Raises UserError naming the missing file, its address, and where to put it."""
    log.info(f"downloading {kind.__name__} into {root}")
    try:
        root.mkdir(parents=True, exist_ok=True)
        kind(root, download=True)
    except (OSError, URLError, RuntimeError, EOFError) as error:
        with contextlib.suppress(OSError):  # empty folders from torchvision
            file.parent.rmdir()
            file.parent.parent.rmdir()
        state = "is truncated or damaged" if file.exists() else "is missing"
        reason = message_of(error)[-120:]
        raise UserError(
            f"{file.name} {state} in {file.parent}, and downloading it failed ({reason}): put {address} into "
            f"{place}, or set DLPLUG_DATA to a folder that has {kind.__name__}; {WITHOUT}"
        ) from None
