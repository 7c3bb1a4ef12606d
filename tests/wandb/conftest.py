"""Every test gets a home of its own, so that no key, netrc or setting of this machine is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for the helpers that lie beside the tests

from server import Server, serving  # noqa: E402

KEY = "f" * 40  # the shape of a key; no server but the tests' own ever sees it


def isolated(home: Path, **more: str) -> dict[str, str]:
    """An environment in which wandb finds nothing but what a test puts there."""
    home.mkdir(exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB", "NETRC", "RANK", "XDG_"))}
    return kept | {"HOME": str(home), "WANDB_ERROR_REPORTING": "false"} | more


def command(folder: Path, options: dict[str, Any]) -> list[str]:
    folder.mkdir(exist_ok=True)
    return [sys.executable, str(HERE / "training.py"), str(folder), json.dumps(options)]


class Finished:
    """A run that has ended: `said` to the user, `measured` by the stand-in."""

    def __init__(self, code: int, output: str, said: str) -> None:
        # on a busy machine the upload takes long enough to be said
        lines = [line for line in said.strip().splitlines() if not line.startswith("W&B is uploading")]
        self.code, self.said = code, "\n".join(lines)
        lines = [line for line in output.splitlines() if line.startswith("{")]
        self.measured: dict[str, Any] = json.loads(lines[-1]) if lines else {}


Train = Callable[..., Finished]


def train(folder: Path, environment: dict[str, str], **options: Any) -> Finished:
    done = subprocess.run(
        command(folder, options), env=environment, cwd=folder.parent, capture_output=True, text=True, timeout=120
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


@pytest.fixture
def online(server: Server, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has logged in to that server."""
    return isolated(tmp_path / "home", WANDB_BASE_URL=server.url, WANDB_API_KEY=KEY)


@pytest.fixture
def nobody(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has never heard of W&B."""
    return isolated(tmp_path / "home")
