"""Modules of a user's own, which lie in the folder where the program was started."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def modules_of_this_folder() -> Iterator[None]:
    """Lets an import find a module in the current folder, as `python -m` does; last, so that it hides nothing that is
    installed."""
    here = str(Path.cwd())
    if here in sys.path:
        yield
        return
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)
