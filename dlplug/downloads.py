"""Files that are had from the network once, and told from damaged ones by their size and sha256."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from dlplug.environment import data_folder
from dlplug.errors import UserError

log = logging.getLogger("dlplug")

TIMEOUT = 30  # seconds without an answer


class Remote(NamedTuple):
    """A file's place below the data folder, its official address, and what it is when it is whole."""

    path: str
    address: str
    size: int
    sha256: str


def fetched(remote: Remote, instead: str) -> Path:
    """The file in the data folder ($DLPLUG_DATA, or ~/.cache/dlplug), downloaded there where it is missing.

    instead: which recipe needs no download. Raises UserError that tells which file, where it was looked for and where
    to get it, for one that is missing and cannot be had, or that is damaged.
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
    if problem := damage(path.read_bytes(), remote):
        raise UserError(f"{path} is damaged: {problem}; remove it to have it downloaded anew")
    return path


def download(remote: Remote, path: Path) -> None:
    """By a file beside it that is renamed when it is whole. Raises OSError."""
    log.info(f"downloading {remote.address} into {path.parent}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with urlopen(remote.address, timeout=TIMEOUT) as answer:
        content = answer.read()
    if problem := damage(content, remote):
        raise OSError(f"what came is damaged: {problem}")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def damage(content: bytes, remote: Remote) -> str:
    """What is wrong with a file; "" where it is whole."""
    if len(content) != remote.size:
        return f"{len(content)} bytes of {remote.size}"
    found = hashlib.sha256(content).hexdigest()
    return "" if found == remote.sha256 else f"its sha256 is {found[:12]}…, not {remote.sha256[:12]}…"
