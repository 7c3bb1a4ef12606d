"""Published CSV files, read compressed or plain, downloaded if missing."""

from __future__ import annotations

import gzip
import hashlib
import zlib

from dlplug import Remote, UserError, data_folder, fetched

WITHOUT = "--data seasons needs no download"


def read_published(remote: Remote) -> str:
    """The text of a published file: from its compressed copy in the data folder (with .gz after its name), else from
    the file itself, downloaded if missing. Raises UserError where it is missing or damaged."""
    packed = data_folder() / f"{remote.path}.gz"
    if not packed.is_file():
        return fetched(remote, WITHOUT).read_text(encoding="utf-8")
    try:
        content = gzip.decompress(packed.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{packed} is damaged ({error}): remove it to have {remote.address} downloaded") from None
    if hashlib.sha256(content).hexdigest() != remote.sha256:
        raise UserError(f"{packed} is not {remote.address}, compressed: remove it to have that downloaded")
    return content.decode()
