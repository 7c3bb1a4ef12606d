"""A wish to stop (Ctrl-C, SIGTERM, SIGHUP), which every loop that may take long looks at."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


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


def stoppable(items: Iterable[T]) -> Iterator[T]:
    """The items, with `stop_if_asked` before each."""
    for item in items:
        stop_if_asked()
        yield item


@contextlib.contextmanager
def first_asks_second_interrupts() -> Iterator[None]:
    """In a run: the first signal asks it to save and stop, the second raises KeyboardInterrupt at once."""
    asked_at = 0.0

    def heard(number: int) -> None:
        nonlocal asked_at
        if not stop_asked():
            ask_to_stop()
            asked_at = time.monotonic()
            _say("\nstopping and saving; Ctrl-C again stops at once")
        elif "TORCHELASTIC_RUN_ID" not in os.environ or time.monotonic() - asked_at > 1.0:
            raise KeyboardInterrupt  # torchrun hands on the Ctrl-C that the terminal sends to each process as well

    with _handled(heard):
        withdraw()
        try:
            yield
        finally:
            withdraw()


@contextlib.contextmanager
def each_interrupts() -> Iterator[None]:
    """In a command: SIGTERM and SIGHUP end it as Ctrl-C does, so that nothing half-written stays."""

    def heard(number: int) -> None:
        raise KeyboardInterrupt

    with _handled(heard):
        yield


@contextlib.contextmanager
def _handled(heard: Callable[[int], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    owner = os.getpid()

    def handler(number: int, frame: Any) -> None:
        if os.getpid() == owner:
            heard(number)
        elif number != signal.SIGINT:  # a forked worker has this handler too: its parent may end it, Ctrl-C is for both
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    heeded = [number for number in SIGNALS if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}  # nohup's SIGHUP stays ignored
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)


def _say(line: str) -> None:
    """On the terminal, unless it is gone: then whatever else is said must not fail for that."""
    try:
        print(line, file=sys.stderr, flush=True)
    except RuntimeError:  # the signal came while this very stream was being written
        pass
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            if not _writable(descriptor):
                os.dup2(nowhere, descriptor)


def _writable(descriptor: int) -> bool:
    try:
        os.write(descriptor, b"")
    except OSError:
        return False
    return True
