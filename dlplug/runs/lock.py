"""One process at a time in a folder: a lock that the kernel lets go of when its process dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from dlplug.errors import UserError

log = logging.getLogger("dlplug")

LOCK = ".lock"
_descriptors: set[int] = set()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder. Raises UserError, naming the host and the process, where one is in it.

    On a file system without locks it says so and goes on.
    """
    path = folder / LOCK
    descriptor = _taken(path)
    try:
        yield
    finally:
        if descriptor is not None:
            path.unlink(missing_ok=True)  # while it is held: nobody else can be removing another's
            _descriptors.discard(descriptor)
            os.close(descriptor)


def in_use(folder: Path) -> bool:
    """Whether a process is in a folder now."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False


def _taken(path: Path) -> int | None:
    """The open, locked file; None where the file system has no locks."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UserError(f"cannot write in the folder {path.parent}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise UserError(f"{path.parent} is in use by {owner}: wait for it to end, or stop it") from None
        except OSError as error:
            os.close(descriptor)
            log.info(f"{path.parent} lies on a file system without locks ({error.strerror}): use it from one process")
            return None
        if _is_file(descriptor, path):
            break
        os.close(descriptor)  # its last owner removed it between our opening it and our locking it
    os.truncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
    _descriptors.add(descriptor)
    return descriptor


def _is_file(descriptor: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


def _let_go() -> None:
    """A forked child shares its parent's lock; one that outlives a killed parent must not keep it."""
    for descriptor in _descriptors:
        os.close(descriptor)
    _descriptors.clear()


os.register_at_fork(after_in_child=_let_go)
