"""Start-up without the garbage collector."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator


class Process:
    """own: whether the process is a command's own, and not a program that calls the package."""

    own = False


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """What is imported or parsed within lasts to the end of the process. Looking for garbage in it meanwhile, and in a
    command's own process once more at exit, is a seventh of the time of a process that imports torch. A program that
    has torch is past it."""
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if Process.own:
            gc.freeze()  # everything that is alive: a program's own garbage would stay
        gc.enable()
