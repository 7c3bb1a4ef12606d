"""Where the process of a run is started: by the launcher that `--launcher` names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dlplug.cli.words import take_value
from dlplug.host.plugins import Host
from dlplug.options.parsing import flag, parse
from dlplug.protocols import Launcher

LOCAL = "local"
PROGRAM = (sys.executable, "-m", "dlplug")


class Local:
    """A process on this machine."""

    def __call__(
        self, words: Sequence[str], *, log: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        program = [*PROGRAM, *words]
        variables = {**os.environ, **(environ or {})}
        if log is None:
            return subprocess.Popen(program, env=variables, start_new_session=True)
        with log.open("ab") as file:  # a session of its own, so that Ctrl-C reaches it once, through its parent
            return subprocess.Popen(
                program, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=variables, start_new_session=True
            )


def take_launcher(host: Host, arguments: list[str]) -> tuple[str, Launcher]:
    """Takes `--launcher NAME` and its options out of the arguments: its name, and the launcher. Raises UserError."""
    name = take_value(arguments, "--launcher") or LOCAL
    entry = host.get("launchers", name)
    signature = entry.signature()
    options = signature.options
    typed = {option.name: take_value(arguments, flag(f"launcher.{option.name}")) for option in options}
    typed = {key: text for key, text in typed.items() if text}
    values = parse(options, typed, f"--launcher {name}") if options else {}
    return name, entry.load()(**signature.arguments(values))


def launched(launcher: Launcher, words: Sequence[str]) -> int:
    """Starts a run and waits for its exit code. Ctrl-C is handed on to it: the first lets it save and stop."""
    process = launcher(words)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
