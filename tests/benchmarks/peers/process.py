"""A script of this folder in a process of its own, which works in turns with others."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Peer:
    """Runs a script with an interpreter, once it is ready: each `play` sends it a number of steps."""

    def __init__(self, script: str, python: str | Path, *arguments: str) -> None:
        command = [python, Path(__file__).parent / script, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        while self._line() != "ready":
            pass

    def play(self, steps: int) -> float:
        """The seconds that so many steps took."""
        assert self.process.stdin is not None
        print(steps, file=self.process.stdin, flush=True)
        return float(self._line())

    def close(self) -> str:
        """Ends the process. Returns the rest of its output."""
        rest, _ = self.process.communicate()
        return rest

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} has ended")
        return line.strip()
