"""Start-up without the garbage collector."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """What is imported or parsed within lasts to the end of the process. Looking for garbage in it meanwhile, and once
    more at exit, is a seventh of the time of a process that imports torch. A program that has torch is past it."""
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
