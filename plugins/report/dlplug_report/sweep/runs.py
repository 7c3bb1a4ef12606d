"""The runs of a sweep, each in its own process: started, resumed, skipped or stopped."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from dlplug.errors import UserError
from dlplug.host.protocols import Launcher, Process
from dlplug.runs.lock import locked
from dlplug.runs.records import read_json
from dlplug_report.sweep.plan import Job


class Outcome(NamedTuple):
    """The outcome of a run. status: skipped if it had finished before, left if it was not started. message: the last
    line of a failed run, or the other process that a run was left to."""

    job: Job
    status: Literal["finished", "skipped", "failed", "interrupted", "left"]
    result: Mapping[str, Any]
    message: str = ""


def result_of(folder: Path) -> dict[str, Any]:
    """The content of result.json, or {} if it is missing or damaged."""
    return read_json(folder / "result.json")


class Workers:
    """Runs jobs, up to `count` in parallel. At the first signal the runs save and stop, at the second they stop without
    saving, at the third they are killed."""

    def __init__(self, count: int, launcher: Launcher) -> None:
        self.count, self.launcher, self.signals = count, launcher, 0
        self.children: set[Process] = set()
        self.locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)

    @property
    def stopping(self) -> bool:
        return self.signals > 0

    def work(
        self, plans: Iterator[Sequence[Job]], on_end: Callable[[Outcome], None], finish: Callable[[list[Outcome]], None]
    ) -> None:
        """Runs the jobs of a plan one after the other, and up to `count` plans in parallel; takes the next plan when a
        worker is free. on_end: called for each job, in any thread. finish: called for each plan, in this thread."""
        waiting: set[Future[list[Outcome]]] = set()
        with _stopped_by_signals(self), ThreadPoolExecutor(self.count) as pool:
            while True:
                while len(waiting) < self.count and not self.stopping and (plan := next(plans, None)) is not None:
                    waiting.add(pool.submit(self._plan, plan, on_end))
                if not waiting:
                    return
                ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in ended:
                    finish(future.result())

    def _plan(self, plan: Sequence[Job], on_end: Callable[[Outcome], None]) -> list[Outcome]:
        outcomes = []
        for job in plan:
            with self.locks[job.folder]:  # a search may draw the same options twice
                outcomes.append(self.run(job))
            on_end(outcomes[-1])
        return outcomes

    def run(self, job: Job) -> Outcome:
        """Skips a finished run, resumes one that has a checkpoint, and starts any other from scratch. A run that
        another process is working on is left to that process."""
        before = result_of(job.folder)
        if before.get("status") == "finished":
            return Outcome(job, "skipped", before)
        if self.stopping:
            return Outcome(job, "left", {})
        words = [*job.words, "--out", str(job.folder)]
        try:
            if _resumable(job.folder, before):
                words = [*job.words[: job.words.index("run")], "resume", str(job.folder)]
        except UserError as error:
            return Outcome(job, "left", before, str(error))
        code, message = self._call(words, job.folder.parent / "logs" / f"{job.folder.name}.log")
        result = result_of(job.folder)
        if code == 0 and result.get("status") == "finished":
            return Outcome(job, "finished", result)
        if self.stopping:
            return Outcome(job, "interrupted", result)
        return Outcome(job, "failed", result, message or f"exit code {code}")

    def _call(self, words: Sequence[str], log: Path) -> tuple[int, str]:
        """(exit code, last line of output)."""
        log.parent.mkdir(parents=True, exist_ok=True)
        threads = max(1, (os.cpu_count() or 1) // self.count)
        own = {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": str(threads)}
        child = self.launcher(words, log=log, environ=own)
        self.children.add(child)
        if self.stopping:  # a signal arrived while it was starting
            child.send_signal(signal.SIGINT)
        code = child.wait()
        self.children.discard(child)
        return code, log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]

    def stop(self, *_: Any) -> None:
        """Handles a signal."""
        self.signals += 1
        if self.signals == 1:
            print("\nstopping: runs save and end; Ctrl-C again stops them at once", file=sys.stderr, flush=True)
        for child in list(self.children):
            child.send_signal(signal.SIGINT if self.signals < 3 else signal.SIGKILL)


def _resumable(folder: Path, before: Mapping[str, Any]) -> bool:
    """Whether there is a checkpoint to resume from; if not, removes the folder. Raises UserError, and removes nothing,
    where a process is working in it."""
    if not folder.is_dir():
        return False
    with locked(folder):
        if before.get("status") != "failed" and any((folder / "checkpoints").glob("last-*/")):
            return True
        shutil.rmtree(folder, ignore_errors=True)
        return False


@contextmanager
def _stopped_by_signals(workers: Workers) -> Iterator[None]:
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), workers.stop) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
