"""`dlplug board`: TensorBoard over the run folders, on this machine only."""

from __future__ import annotations

import importlib.util
import logging
import threading
from pathlib import Path
from typing import Any

from dlplug import CommandParser, UserError, parsed_by
from dlplug.output import command

HOST = "127.0.0.1"  # never on the network: runs may be private


def board_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug board",
        description="Opens TensorBoard over run folders, also of running runs: metrics, pictures, videos and texts"
        " under their names in `metrics.jsonl`. It is reachable from this machine only.",
    )
    add = parser.add_argument
    add("folder", nargs="?", default="runs", metavar="FOLDER", help="run folders, at any depth (default: runs)")
    add("--port", type=int, default=None, help="the port; 0 takes any free one (default: the first free from 6006)")
    return parser


@parsed_by(board_parser)
def board(flags: Any) -> int:
    """Opens TensorBoard over the run folders, until Ctrl-C.

    Raises UserError for errors that the user can correct.
    """
    if flags.port is not None and not 0 <= flags.port < 2**16:
        raise UserError(f"--port must be from 0 to {2**16 - 1}, got {flags.port}")
    folder = checked(Path(flags.folder))
    if importlib.util.find_spec("tensorboard") is None:
        instead = f"`{command('report', 'RUN')}` writes a page"
        raise UserError(f"TensorBoard is not installed here: `pip install tensorboard`, or {instead}")
    address = launch(folder, flags.port)
    print(f"TensorBoard over {folder}: {address} (Ctrl-C stops it)", flush=True)
    threading.Event().wait()
    return 0


def checked(folder: Path) -> Path:
    """The folder, which must have event files of some run. Raises UserError otherwise."""
    if not folder.is_dir():
        raise UserError(f"no such folder: {folder}; expected one with runs, such as runs")
    if not next(folder.rglob("events.out.tfevents.*"), None):
        raise UserError(f"{folder} has no TensorBoard files: runs with --tensorboard off write none")
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
