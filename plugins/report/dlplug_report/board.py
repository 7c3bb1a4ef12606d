"""`dlplug board`: TensorBoard over the run folders, on this machine only."""

from __future__ import annotations

import importlib.util
import logging
import threading
from pathlib import Path
from typing import Any

from dlplug import CommandParser, UserError, parsed_by
from dlplug.advice import command

HOST = "127.0.0.1"  # curves and texts are nobody else's business


def parser() -> CommandParser:
    made = CommandParser(
        "dlplug board",
        description="TensorBoard over run folders, while they are being written: metrics, pictures, videos and texts"
        " under the names that `metrics.jsonl` has. It is reached from this machine only.",
    )
    add = made.add_argument
    add("folder", nargs="?", default="runs", metavar="FOLDER", help="run folders, at any depth (default: runs)")
    add("--port", type=int, default=None, help="its port; 0 for any free one (default: the first free from 6006)")
    return made


@parsed_by(parser)
def board(flags: Any) -> int:
    """Opens TensorBoard over the run folders, until Ctrl-C.

    Raises UserError for what a user can mend.
    """
    if flags.port is not None and not 0 <= flags.port < 2**16:
        raise UserError(f"--port must be from 0 to {2**16 - 1}, got {flags.port}")
    folder = checked(Path(flags.folder))
    if importlib.util.find_spec("tensorboard") is None:
        instead = f"`{command('report', 'RUN')}` makes a page"
        raise UserError(f"TensorBoard is not installed here: `pip install tensorboard`, or {instead}")
    address = launch(folder, flags.port)
    print(f"TensorBoard over {folder}: {address} (Ctrl-C stops it)", flush=True)
    threading.Event().wait()
    return 0


def checked(folder: Path) -> Path:
    """A folder in which some run has event files. Raises UserError where there is none."""
    if not folder.is_dir():
        raise UserError(f"no such folder: {folder}; expected one with runs, such as runs")
    if not next(folder.rglob("events.out.tfevents.*"), None):
        raise UserError(f"nothing in {folder} was written for TensorBoard: runs with --tensorboard off have only files")
    return folder


def launch(folder: Path, port: int | None) -> str:
    """Starts the server in a thread; returns its address. port: 0 for any free one, None for the first from 6006."""
    from tensorboard import default, program

    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    server: Any = program.TensorBoard(default.get_plugins())
    flags = ["--logdir", str(folder), "--host", HOST, "--load_fast", "false"]
    try:
        server.configure(("", *flags, *(["--port", str(port)] if port is not None else [])))
        return server.launch()
    except (program.TensorBoardServerException, SystemExit, ValueError) as error:
        raise UserError(f"TensorBoard does not start: {error}; choose another --port, or 0 for any free one") from None
