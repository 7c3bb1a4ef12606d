"""Trains a recipe in windows, in whatever build of dlplug the interpreter has: each line of standard input starts the
next window, whose seconds are printed. Ends with the process's peak memory in MB.

    PYTHON windows.py RECIPE STEPS '{"preset": "cpu", "options": {…}}'
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import tempfile
import time

from dlplug import hookimpl

try:
    from dlplug.host.plugins import load_host
    from dlplug.runs.runner import run
except ModuleNotFoundError:  # the layout of builds before 2026-11-28
    from dlplug.plugins import load_host
    from dlplug.runner import run


class Windows:
    """An observer that waits for a line after every `log_every` steps."""

    def __init__(self, out) -> None:
        self.out, self.started = out, 0.0

    @hookimpl
    def logged(self, run, step, values):
        if run.stopping:
            return
        if self.started:
            print(time.perf_counter() - self.started, file=self.out, flush=True)
        else:
            print("ready", file=self.out, flush=True)
        if not sys.stdin.readline():
            run.stopping = True
        self.started = time.perf_counter()


recipe, steps, settings = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
host = load_host(["no:wandb"])
host.manager.register(Windows(sys.stdout))
quiet = {"metrics": [], "log_every": steps, "checkpoint_every": 10**9}
with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
    run(recipe, quiet | settings["options"], preset=settings["preset"], out=f"{folder}/run", host=host)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
