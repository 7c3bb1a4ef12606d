"""Every call to wandb: `init`, `define_metric`, `log`, `log_artifact`, `finish`, and nothing else of it.

All of them are made in the writer's thread, one after another.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal, NamedTuple

import wandb

from dlplug.media import Media

INIT_SECONDS = 15.0
FINISH_SECONDS = 120.0


class File(NamedTuple):
    """A medium by the file that the run has written: what waits for W&B keeps no film in memory."""

    kind: str  # image, video or text
    path: Path
    caption: str


@dataclass(frozen=True)
class Identity:
    """What W&B receives about a run. `known`: W&B has this id already, after a resume."""

    id: str
    recipe: str
    folder: Path
    project: str
    entity: str | None
    tags: tuple[str, ...]
    config: Mapping[str, Any]
    unit: str
    known: bool


class Session:
    """One W&B run, from `open` to `close`. Between a failed `open` and the end, everything is a no-op."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.run: wandb.Run | None = None
        self.offline = False
        self.from_step = 0

    def open(self, mode: Literal["online", "offline"]) -> None:
        """Raises whatever wandb raises: no right to the project, no answer within INIT_SECONDS."""
        who = self.identity
        # What a user has renamed or tagged on the server since is left as it is.
        fresh = {} if who.known else {"name": who.folder.name, "group": who.recipe, "tags": who.tags}
        self.run = wandb.init(
            mode=mode,
            id=who.id,
            resume="allow",
            project=who.project,
            entity=who.entity,
            dir=str(who.folder),
            config=dict(who.config),
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                init_timeout=INIT_SECONDS,
                finish_timeout=FINISH_SECONDS,
                finish_timeout_raises=True,
                allow_val_change=True,
                x_transaction_log_flush_interval=1.0,  # what a kill may cost; wandb itself would risk 15 s
            ),
            **fresh,
        )
        self.offline = mode == "offline"
        for axis in ("step", who.unit, "seconds"):
            if axis:
                self.run.define_metric(axis, hidden=True)
        self.run.define_metric("*", step_metric="step")
        # A resumed run goes back to its checkpoint, and learns again what the server has seen.
        self.from_step = int(self.run.summary.get("step") or 0) if self.run.resumed else 0

    def reopen_offline(self) -> None:
        """After a failed `open`, whose id wandb's service holds to be in use until it is started afresh."""
        _end_service()
        self.open("offline")

    def log(self, step: int, values: Mapping[str, Any]) -> None:
        """One row of history. W&B's own `_step` counts rows and means nothing; `step` is the axis."""
        if self.run is not None and step >= self.from_step:
            self.run.log({"step": step} | {name: _drawn(value) for name, value in values.items()})

    def close(self, result: Mapping[str, Any]) -> None:
        if self.run is None:
            return
        try:
            try:
                self.run.summary.update(dict(result["metrics"]) | {"status": result["status"]})
                self._log_model(result)
            finally:
                self.run.finish(exit_code=0 if result["status"] == "finished" else 1)
        except Exception:
            _end_service()  # a dead one would fill the terminal with a traceback as the process ends
            raise

    def _log_model(self, result: Mapping[str, Any]) -> None:
        assert self.run is not None
        folder = self.identity.folder
        weights = find_weights(folder / "checkpoints")
        if weights is None:
            return
        checkpoint = weights.parent.name
        artifact = wandb.Artifact(
            f"{self.identity.recipe}-{self.identity.id}",
            type="model",
            metadata={"checkpoint": checkpoint, "metrics": dict(result["metrics"])},
        )
        kept = folder / "wandb" / "model" / checkpoint
        kept.mkdir(parents=True, exist_ok=True)
        for file in (weights, folder / "config.yaml"):
            if file.exists():
                artifact.add_file(str(_second_name(file, kept)), policy="immutable", skip_cache=True)
        self.run.log_artifact(artifact, aliases=["latest", checkpoint.partition("-")[0]])


def abandon() -> None:
    """Lets Python end without wandb's process, which ends by itself once its parent is gone; else Python would wait
    FINISH_SECONDS more. Through a name that wandb keeps to itself: with a version that has another, Python waits."""
    with contextlib.suppress(AttributeError, TypeError):
        from wandb.sdk import wandb_setup

        connection: Any = wandb_setup.singleton()._connection
        connection._cleanup()


def _end_service() -> None:
    """wandb's own process, which a later `init` starts again. Its end may be an error, or even a `sys.exit`."""
    with contextlib.suppress(Exception, SystemExit):
        wandb.teardown()


def find_weights(checkpoints: Path) -> Path | None:
    """The weights of the newest checkpoint called best, else of the newest there is."""
    found = sorted(checkpoints.glob("*/weights.safetensors"))
    best = [path for path in found if path.parent.name.startswith("best")]
    return (best or found or [None])[-1]


def _second_name(file: Path, folder: Path) -> Path:
    """Keeps a file for a `wandb sync` that may come after a resume has dropped the checkpoint: a hard link where the
    file system has them, so that large weights cost no space, else a copy."""
    kept = folder / file.name
    kept.unlink(missing_ok=True)
    try:
        if file.suffix != ".safetensors":
            raise OSError("a resume rewrites it in place")
        os.link(file, kept)
    except OSError:
        shutil.copy2(file, kept)
    return kept


def as_file(value: Any) -> Any:
    """A medium as its file; a number as it is."""
    return File(value.kind, value.path, value.caption) if isinstance(value, Media) else value


def _drawn(value: Any) -> Any:
    if not isinstance(value, File):
        return value
    if value.kind == "image":
        return wandb.Image(str(value.path), caption=value.caption or None)
    if value.kind == "video":  # of an array, wandb would need moviepy
        return wandb.Video(str(value.path), caption=value.caption or None)
    if value.kind == "audio":
        return wandb.Audio(str(value.path), caption=value.caption or None)
    caption = f"<h4>{escape(value.caption)}</h4>" if value.caption else ""
    readable = value.kind in ("text", "table")
    text = value.path.read_text(encoding="utf-8") if readable else f"{value.kind} in the run folder: {value.path.name}"
    return wandb.Html(f"{caption}<pre>{escape(text)}</pre>", data_is_not_path=True)
