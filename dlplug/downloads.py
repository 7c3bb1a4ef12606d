"""Files that are downloaded once, and verified by their size and sha256."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from dlplug.errors import UserError
from dlplug.stop import stop_if_asked

log = logging.getLogger("dlplug")

TIMEOUT = 30  # seconds without a response
CHUNK = 1 << 20  # bytes


def data_folder() -> Path:
    """The folder of the data sets, also for downloads: $DLPLUG_DATA, or ~/.cache/dlplug. Raises UserError for a user
    without a home folder."""
    try:
        return Path(os.environ.get("DLPLUG_DATA") or "~/.cache/dlplug").expanduser()
    except RuntimeError:
        raise UserError("this user has no home folder: set DLPLUG_DATA to the folder for data sets") from None


class Remote(NamedTuple):
    """A file: path below the data folder, official URL, and the size in bytes and sha256 of the complete file."""

    path: str
    address: str
    size: int
    sha256: str


def fetched(remote: Remote, instead: str) -> Path:
    """The file in the data folder ($DLPLUG_DATA, or ~/.cache/dlplug), downloaded there where it is missing.

    instead: a phrase that names a recipe without downloads. Raises UserError where the file is damaged, or missing and
    not downloadable; the message says where it was looked for and where to get it.
    """
    path = data_folder() / remote.path
    if not path.is_file():
        try:
            download(remote, path)
        except (OSError, URLError) as error:
            raise UserError(
                f"{path.name} is missing in {path.parent}, and downloading it failed ({error}): put {remote.address} "
                f"there, or set DLPLUG_DATA to a folder that has {remote.path}; {instead}"
            ) from None
    elif not _is_verified(path, remote):
        if problem := damage(path, remote):
            raise UserError(f"{path} is damaged: {problem}; remove it to have it downloaded again")
        _remember(path, remote)
    return path


def download(remote: Remote, path: Path) -> None:
    """Downloads to a temporary file beside `path`, which is renamed when it is complete. Raises OSError. A failed or
    stopped download leaves no file."""
    log.info(f"downloading {remote.address} into {path.parent}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with urlopen(remote.address, timeout=TIMEOUT) as response, partial.open("wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                stop_if_asked()
        if problem := damage(partial, remote):
            raise OSError(f"the download is damaged: {problem}")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _remember(path, remote)


def damage(path: Path, remote: Remote) -> str:
    """What is wrong with a file; "" for an intact one."""
    if (size := path.stat().st_size) != remote.size:
        return f"{size} bytes of {remote.size}"
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return "" if found == remote.sha256 else f"its sha256 is {found[:12]}…, not {remote.sha256[:12]}…"


def _is_verified(path: Path, remote: Remote) -> bool:
    """Whether the file is unchanged since its sha256 was verified."""
    try:
        return _note(path).read_text(encoding="utf-8") == _state(path, remote)
    except (OSError, UnicodeDecodeError):
        return False


def _remember(path: Path, remote: Remote) -> None:
    """Records the verification beside the file if possible, as hashing gigabytes at each start would take long."""
    with contextlib.suppress(OSError):
        _note(path).write_text(_state(path, remote), encoding="utf-8")


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.verified")


def _state(path: Path, remote: Remote) -> str:
    stat = path.stat()
    return f"sha256 {remote.sha256}, {stat.st_size} bytes, modified {stat.st_mtime_ns}\n"
