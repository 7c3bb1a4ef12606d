"""All calls of wandb: `init`, `define_metric`, `log`, `log_artifact`, `finish`.

They are made in the writer's thread, one after another.
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
    """A medium as its file, so that queued rows hold no videos in memory."""

    kind: str  # image, video or text
    path: Path
    caption: str


@dataclass(frozen=True)
class Identity:
    """What W&B receives about a run. existing: whether W&B has this id already, after a resume."""

    id: str
    recipe: str
    folder: Path
    project: str
    entity: str | None
    tags: tuple[str, ...]
    config: Mapping[str, Any]
    unit: str
    existing: bool


class Session:
    """One W&B run, from `open` to `close`. After a failed `open`, all methods do nothing."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.run: wandb.Run | None = None
        self.offline = False
        self.from_step = 0

    def open(self, mode: Literal["online", "offline"]) -> None:
        """Raises wandb's own errors: no permission for the project, no response within INIT_SECONDS."""
        identity = self.identity
        # after a resume, names and tags that the user has changed on the server are kept
        fresh = (
            {} if identity.existing else {"name": identity.folder.name, "group": identity.recipe, "tags": identity.tags}
        )
        self.run = wandb.init(
            mode=mode,
            id=identity.id,
            resume="allow",
            project=identity.project,
            entity=identity.entity,
            dir=str(identity.folder),
            config=dict(identity.config),
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",
                init_timeout=INIT_SECONDS,
                finish_timeout=FINISH_SECONDS,
                finish_timeout_raises=True,
                allow_val_change=True,
                x_transaction_log_flush_interval=1.0,  # seconds lost if the process is killed; wandb's default is 15
            ),
            **fresh,
        )
        self.offline = mode == "offline"
        for axis in ("step", identity.unit, "seconds"):
            if axis:
                self.run.define_metric(axis, hidden=True)
        self.run.define_metric("*", step_metric="step")
        # a resumed run repeats the steps after its checkpoint, which the server has already
        self.from_step = int(self.run.summary.get("step") or 0) if self.run.resumed else 0

    def reopen_offline(self) -> None:
        """After a failed `open`: wandb's service considers the id in use until it is restarted."""
        _end_service()
        self.open("offline")

    def log(self, step: int, values: Mapping[str, Any]) -> None:
        """Logs one row. The x axis is `step`; W&B's own `_step` only counts rows."""
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
            _end_service()  # a dead service would print a traceback when the process ends
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
        model_folder = folder / "wandb" / "model" / checkpoint
        model_folder.mkdir(parents=True, exist_ok=True)
        for file in (weights, folder / "config.yaml"):
            if file.exists():
                artifact.add_file(str(_second_name(file, model_folder)), policy="immutable", skip_cache=True)
        self.run.log_artifact(artifact, aliases=["latest", checkpoint.partition("-")[0]])


def abandon() -> None:
    """Lets Python exit without waiting FINISH_SECONDS for wandb's process, which ends by itself after its parent. Uses
    a private name of wandb; with a version without it, Python waits."""
    with contextlib.suppress(AttributeError, TypeError):
        from wandb.sdk import wandb_setup

        connection: Any = wandb_setup.singleton()._connection
        connection._cleanup()


def _end_service() -> None:
    """Ends wandb's own process, which a later `init` restarts. It may raise an error, or even call `sys.exit`."""
    with contextlib.suppress(Exception, SystemExit):
        wandb.teardown()


def find_weights(checkpoints: Path) -> Path | None:
    """The weights of the newest checkpoint `best`, or else of the newest checkpoint."""
    weights = sorted(checkpoints.glob("*/weights.safetensors"))
    best = [path for path in weights if path.parent.name.startswith("best")]
    return (best or weights or [None])[-1]


def _second_name(file: Path, folder: Path) -> Path:
    """Keeps a file for a later `wandb sync`, as a resume may delete the checkpoint: a hard link where the file system
    supports it, which takes no space, else a copy."""
    second = folder / file.name
    second.unlink(missing_ok=True)
    try:
        if file.suffix != ".safetensors":
            raise OSError("a resume modifies it in place")
        os.link(file, second)
    except OSError:
        shutil.copy2(file, second)
    return second


def as_file(value: Any) -> Any:
    """A medium as a `File`; a number unchanged."""
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
