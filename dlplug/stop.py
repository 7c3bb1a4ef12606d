"""The request to stop (Ctrl-C, SIGTERM, SIGHUP), which every long loop checks."""

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
    """A loop was asked to stop. Its present item is discarded; the completed ones are kept."""


_asked = threading.Event()  # global, as signal handlers are


def ask_to_stop() -> None:
    _asked.set()


def withdraw() -> None:
    """Clears the request, before and after a run: it was meant for another one."""
    _asked.clear()


def stop_asked() -> bool:
    return _asked.is_set()


def stop_if_asked() -> None:
    """Raises Stopped if a stop was requested. Call it between two units of work: steps of an environment, batches of an
    evaluation, chunks of a download."""
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

    def handle(number: int) -> None:
        nonlocal asked_at
        if not stop_asked():
            ask_to_stop()
            asked_at = time.monotonic()
            _print_line("\nstopping and saving; Ctrl-C again stops at once")
        elif "TORCHELASTIC_RUN_ID" not in os.environ or time.monotonic() - asked_at > 1.0:
            raise KeyboardInterrupt  # within a second it is torchrun's copy of the same Ctrl-C

    with _handled(handle):
        withdraw()
        try:
            yield
        finally:
            withdraw()


@contextlib.contextmanager
def each_interrupts() -> Iterator[None]:
    """In a command: SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does, so that incomplete files are removed."""

    def handle(number: int) -> None:
        raise KeyboardInterrupt

    with _handled(handle):
        yield


@contextlib.contextmanager
def _handled(handle: Callable[[int], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    owner = os.getpid()

    def handler(number: int, frame: Any) -> None:
        if os.getpid() == owner:
            handle(number)
        elif number != signal.SIGINT:  # in a forked worker, which inherits this handler: its parent may terminate it
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    # under nohup, SIGHUP stays ignored
    handled = [number for number in SIGNALS if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in handled}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)


def _print_line(line: str) -> None:
    """Prints on the terminal. If that has been closed, later output goes nowhere rather than fail."""
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
