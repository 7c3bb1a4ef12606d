"""A wish to stop (Ctrl-C, SIGTERM, SIGHUP), which every loop that may take long looks at."""

from __future__ import annotations

import threading


class Stopped(Exception):
    """A loop was asked to stop: what it had begun is given up, what was done before it is kept."""


_asked = threading.Event()  # signals are the process's, and so is this


def ask_to_stop() -> None:
    _asked.set()


def withdraw() -> None:
    """Before a run begins, and after it: the wish was another's."""
    _asked.clear()


def stop_asked() -> bool:
    return _asked.is_set()


def stop_if_asked() -> None:
    """Raises Stopped. To be called where nothing is half done: between two steps of an environment, two batches of an
    evaluation, two chunks of a download."""
    if _asked.is_set():
        raise Stopped("stopped as asked")
