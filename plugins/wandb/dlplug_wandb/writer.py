"""One thread that does jobs in the order given, so that whoever gives them never waits."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Job = Callable[[], None]


class Writer:
    """What a job raises goes to `complain`, each message once, and the next job is done."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        self.complain = complain
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._said: set[str] = set()
        # a daemon: a server that hangs must not keep the process from ending
        self._thread = threading.Thread(target=self._work, name="wandb-writer", daemon=True)
        self._thread.start()

    def put(self, job: Job) -> None:
        self._jobs.put(job)

    def close(self) -> None:
        """No more jobs; those given are still done."""
        self._jobs.put(None)

    def wait(self, seconds: float) -> bool:
        """True once everything is done, False after that time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception as error:
                message = first_line(error)
                if message not in self._said:
                    self._said.add(message)
                    self.complain(message)


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
