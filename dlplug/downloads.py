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

TIMEOUT = 30  # seconds without an answer
CHUNK = 1 << 20  # bytes


def data_folder() -> Path:
    """Where data sets are kept and downloaded to: $DLPLUG_DATA, or ~/.cache/dlplug. Raises UserError for a user without
    a home folder."""
    try:
        return Path(os.environ.get("DLPLUG_DATA") or "~/.cache/dlplug").expanduser()
    except RuntimeError:
        raise UserError("this user has no home folder: set DLPLUG_DATA to the folder for data sets") from None


class Remote(NamedTuple):
    """A file's place below the data folder, its official address, and what it is when it is whole."""

    path: str
    address: str
    size: int
    sha256: str


def fetched(remote: Remote, instead: str) -> Path:
    """The file in the data folder ($DLPLUG_DATA, or ~/.cache/dlplug), downloaded there where it is missing.

    instead: which recipe needs no download. Raises UserError that names the file, where it was looked for and where
    to get it, for one that is missing and cannot be downloaded, or that is damaged.
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
    """By a file beside it that is renamed when it is whole. Raises OSError; after that, and after a wish to stop,
    nothing stays behind."""
    log.info(f"downloading {remote.address} into {path.parent}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with urlopen(remote.address, timeout=TIMEOUT) as answer, partial.open("wb") as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                stop_if_asked()
        if problem := damage(partial, remote):
            raise OSError(f"the download is damaged: {problem}")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _remember(path, remote)


def damage(path: Path, remote: Remote) -> str:
    """What is wrong with a file; "" where it is whole."""
    if (size := path.stat().st_size) != remote.size:
        return f"{size} bytes of {remote.size}"
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return "" if found == remote.sha256 else f"its sha256 is {found[:12]}…, not {remote.sha256[:12]}…"


def _is_verified(path: Path, remote: Remote) -> bool:
    """Whether the file is still the one whose sha256 was once computed."""
    try:
        return _note(path).read_text(encoding="utf-8") == _state(path, remote)
    except (OSError, UnicodeDecodeError):
        return False


def _remember(path: Path, remote: Remote) -> None:
    """Beside the file, where that folder can be written: reading gigabytes at each start takes a while."""
    with contextlib.suppress(OSError):
        _note(path).write_text(_state(path, remote), encoding="utf-8")


def _note(path: Path) -> Path:
    return path.with_name(f".{path.name}.verified")


def _state(path: Path, remote: Remote) -> str:
    seen = path.stat()
    return f"sha256 {remote.sha256}, {seen.st_size} bytes, modified {seen.st_mtime_ns}\n"
