"""A thread that runs jobs in order, so that the caller does not wait for them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Job = Callable[[], None]
MOST = 10_000  # queued jobs: rows of numbers, and paths of media
PATIENCE_SECONDS = 5.0


class Writer:
    """Passes the exceptions of jobs to `complain`, each message once, and continues with the next job.

    With `most` jobs in the queue, `put` waits for room. If there is none within `patience` seconds, the job and those
    after it are dropped, with a message, until there is room again.
    """

    def __init__(
        self, complain: Callable[[str], None], *, most: int = MOST, patience: float = PATIENCE_SECONDS
    ) -> None:
        self.complain, self.patience = complain, patience
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(most)
        self._stuck = False
        self._messages: set[str] = set()
        # a daemon, so that a hanging server does not keep the process alive
        self._thread = threading.Thread(target=self._work, name="wandb-writer", daemon=True)
        self._thread.start()

    def put(self, job: Job) -> None:
        self._stuck = not self._room.acquire(timeout=0 if self._stuck else self.patience)
        if self._stuck:
            self._complain_once("it no longer accepts rows, so some are missing there (metrics.jsonl has all of them)")
        else:
            self._jobs.put(job)

    def close(self, last: Job) -> None:
        """Adds the last job; the queued jobs are still run."""
        self._jobs.put(last)
        self._jobs.put(None)

    def wait(self, seconds: float) -> bool:
        """Waits up to that many seconds; returns whether all jobs are done."""
        self._thread.join(seconds)
        return self.done

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception as error:
                self._complain_once(first_line(error))
            self._room.release()

    def _complain_once(self, message: str) -> None:
        if message not in self._messages:
            self._messages.add(message)
            self.complain(message)


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
