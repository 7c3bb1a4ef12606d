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
    own = signature.options
    given = {key.partition(".")[2]: options.pop(key) for key in [*options] if key.startswith("launcher.")}
    for key in given.keys() - {option.name for option in own}:
        hint = nearest(flag(f"launcher.{key}"), [flag(f"launcher.{option.name}") for option in own])
        raise UserError(f"--launcher {name} has no option {flag(f'launcher.{key}')}.{hint}")
    return entry.load()(**signature.arguments(parse(own, given, f"--launcher {name}") if own else {}))


def launched(launcher: Launcher, words: Sequence[str]) -> int:
    """Starts a run and waits for its exit code. Ctrl-C is handed on to it: the first lets it save and stop."""
    process = launcher(words)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
