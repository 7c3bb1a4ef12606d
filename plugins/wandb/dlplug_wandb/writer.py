"""One thread that does jobs in the order given, so that whoever gives them does not wait for each."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Job = Callable[[], None]
MOST = 10_000  # jobs that may wait: rows of numbers, and paths of media
PATIENCE_SECONDS = 5.0


class Writer:
    """What a job raises goes to `complain`, each message once, and the next job is done.

    Of `most` jobs that wait, a further one waits until the oldest is done. Where none is done within `patience`
    seconds, the job is left out, which is said, and so are those that follow until there is room again.
    """

    def __init__(
        self, complain: Callable[[str], None], *, most: int = MOST, patience: float = PATIENCE_SECONDS
    ) -> None:
        self.complain, self.patience = complain, patience
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(most)
        self._stuck = False
        self._said: set[str] = set()
        # a daemon: a server that hangs must not keep the process from ending
        self._thread = threading.Thread(target=self._work, name="wandb-writer", daemon=True)
        self._thread.start()

    def put(self, job: Job) -> None:
        self._stuck = not self._room.acquire(timeout=0 if self._stuck else self.patience)
        if self._stuck:
            self._say("it does not take rows any more, so some are missing there (metrics.jsonl has all of them)")
        else:
            self._jobs.put(job)

    def close(self, last: Job) -> None:
        """One more job, and no others; those given before are still done."""
        self._jobs.put(last)
        self._jobs.put(None)

    def wait(self, seconds: float) -> bool:
        """True once everything is done, False after that time."""
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
                self._say(first_line(error))
            self._room.release()

    def _say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self.complain(message)


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
