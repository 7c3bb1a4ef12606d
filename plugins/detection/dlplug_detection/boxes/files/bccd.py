"""BCCD: blood cells under a microscope."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from dlplug import PositiveInt, UserError, data_folder
from dlplug_detection.boxes.files.sets import Reading, read_voc_set
from dlplug_detection.boxes.files.voc import FolderFiles
from dlplug_detection.boxes.photographs import Augmentation, Photographs

log = logging.getLogger("dlplug")

ARCHIVE, FOLDER = "bccd/BCCD.tar.gz", "bccd/BCCD"
ADDRESS = "https://codeload.github.com/Shenggan/BCCD_Dataset/tar.gz/d272fb14cdff6e473fafeeeba32aba5f560e9e43"
CONTENT = "02dccaf289a4074b40fd960d6893d54aceb36bfbb02d8550ebb4db2df094367a"  # sha256 of names and files, sorted
TIMEOUT = 30  # seconds without a response
INSTEAD = "--data canvas-boxes needs no download"


class Bccd(Photographs):
    """364 microscope images of blood with 4,888 boxes of red cells, white cells and platelets; 205 to train, 87 for
    validation, 72 for testing, as its lists say (github.com/Shenggan/BCCD_Dataset)."""

    protocol = "BCCD, its own lists: 205 train, 87 val, 72 test"

    def __init__(
        self,
        *,
        height: PositiveInt = 240,
        width: PositiveInt = 320,
        augmentation: Augmentation = Augmentation(batch_size=8),
        seed: int,
    ) -> None:
        """
        height: height of the images in pixels; the originals are 480 high.
        width: width of the images in pixels; the originals are 640 wide.
        """
        reading = Reading(height, width, classes=("RBC", "WBC", "Platelets"))
        super().__init__(*read_voc_set(files(), "BCCD", reading), augmentation, seed=seed)


def files() -> Mapping[str, bytes]:
    """The set's files, from a folder or an archive in the data folder, where it is downloaded if there is neither.

    GitHub packs an archive anew now and then, so that what is verified is its content.
    """
    folder, archive = data_folder() / FOLDER, data_folder() / ARCHIVE
    if folder.is_dir():
        return FolderFiles(folder)
    if archive.is_file():
        return unpacked(archive.read_bytes(), archive)
    log.info(f"downloading {ADDRESS} into {archive.parent}")
    try:
        with urlopen(ADDRESS, timeout=TIMEOUT) as response:
            packed = response.read()
        content = unpacked(packed, archive)
        archive.parent.mkdir(parents=True, exist_ok=True)
        partial = archive.with_name(f".{archive.name}.{os.getpid()}.partial")
        partial.write_bytes(packed)
        partial.replace(archive)
    except (OSError, URLError) as error:
        raise UserError(
            f"{archive.name} is missing in {archive.parent}, and downloading it failed ({error}): put {ADDRESS} there, "
            f"or set DLPLUG_DATA to a folder that has {ARCHIVE}; {INSTEAD}"
        ) from None
    return content


def unpacked(packed: bytes, archive: Path) -> dict[str, bytes]:
    """The files of an archive below its folder BCCD. Raises UserError for one that is damaged or of another content."""
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
            content = {
                member.name.rpartition("BCCD/")[2]: file.read()
                for member in tar
                if "BCCD/" in member.name and (file := tar.extractfile(member)) is not None
            }
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{archive} is truncated or damaged ({error}); remove it to have it downloaded again") from None
    digest = hashlib.sha256()
    for name in sorted(content):
        digest.update(name.encode() + content[name])
    if digest.hexdigest() != CONTENT:
        raise UserError(f"{archive} does not have the content of BCCD; remove it to have it downloaded again")
    return content
