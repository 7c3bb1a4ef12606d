"""Where the process of a run is started: by the launcher that `--launcher` names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlplug.cli.parser import CommandParser
from dlplug.errors import UserError, nearest
from dlplug.host.plugins import Host
from dlplug.host.protocols import Launcher
from dlplug.options.parsing import flag, parse

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


def add_launcher(parser: CommandParser) -> None:
    """The flag `--launcher`, whose value `chosen_launcher` builds."""
    parser.add_argument(
        "--launcher", default=LOCAL, metavar="NAME", help="where the process of a run is started (default: local): "
        "`dlplug list launchers`"
    )  # fmt: skip


def chosen_launcher(host: Host, name: str, options: dict[str, Any]) -> Launcher:
    """The launcher of a name, with its options, which are taken out of the others: `launcher.queue`. Raises
    UserError."""
    entry = host.get("launchers", name)
    signature = entry.signature()
    values = {key.removeprefix("launcher."): options.pop(key) for key in [*options] if key.startswith("launcher.")}
    known = {option.name: flag(f"launcher.{option.name}") for option in signature.options}
    for key in values.keys() - known.keys():
        wrong = flag(f"launcher.{key}")
        raise UserError(f"--launcher {name} has no option {wrong}.{nearest(wrong, known.values())}")
    return entry.load()(**signature.arguments(parse(signature.options, values, f"--launcher {name}")))


def run_by(launcher: Launcher, words: Sequence[str]) -> int:
    """Starts a run and waits for its exit code. Ctrl-C is handed on to it: the first lets it save and stop."""
    process = launcher(words)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
