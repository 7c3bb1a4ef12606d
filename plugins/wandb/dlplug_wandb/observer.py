"""The observer `wandb`. The calls of wandb are in `session`, the thread that makes them in `writer`, and the choice
between online and offline in `mode`."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import secrets
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dlplug import UserError, hookimpl
from dlplug.output import tool
from dlplug.runs.records import write_json
from dlplug_wandb.mode import Choice, choose
from dlplug_wandb.writer import Writer, first_line

if TYPE_CHECKING:
    from dlplug.runs.run import Run
    from dlplug_wandb.session import Session

log = logging.getLogger("dlplug")
PATIENCE_SECONDS = 3.0  # waiting for the last uploads without a message
HEADER_BYTES = 7  # size of an empty .wandb file
FORBIDDEN = "/\\#?%:"  # in a project's name


class Wandb:
    """Weights & Biases: configuration, metrics, media and the trained weights of every run.

    mode: online, offline or off; auto is online with an API key and a server that answers, else offline. Never prompts
    project: W&B project; None takes WANDB_PROJECT, else dlplug
    entity: W&B user or team; None takes WANDB_ENTITY, else the API key's own
    """

    def __init__(
        self,
        *,
        mode: Literal["auto", "online", "offline", "off"] = "auto",
        project: str | None = None,
        entity: str | None = None,
    ) -> None:
        """Raises UserError, before training, where online is required and impossible, and for a project name that W&B
        does not allow."""
        first = os.environ.get("RANK", "0") == "0"
        self.choice = choose(mode) if first else Choice("off")
        self.project = project or os.environ.get("WANDB_PROJECT") or "dlplug"
        self.entity = entity or os.environ.get("WANDB_ENTITY") or None
        if self.choice.mode != "off":
            check_project(self.project)
        self.session: Session | None = None
        self.writer: Writer | None = None

    @hookimpl
    def run_started(self, run: Run) -> None:
        if self.choice.mode == "off":
            return
        try:
            self._start(run)
        except Exception as error:
            log.warning("W&B: %s; training continues without it", first_line(error))
            return
        if self.choice.reason:
            log.info("W&B: offline, %s", self.choice.reason)

    def _start(self, run: Run) -> None:
        # Imported here and not in the thread: a data loader's fork during the import would inherit a held import lock.
        os.environ.setdefault("WANDB_SILENT", "true")
        from dlplug_wandb.session import Identity, Session

        remove_empty_segments(run.folder)
        name, exists = run_id(run.folder, run.resumed)
        preset = str(run.config.get("preset") or "")
        identity = Identity(
            id=name,
            recipe=run.recipe,
            folder=run.folder.resolve(),
            project=self.project,
            entity=self.entity,
            tags=tuple(tag for tag in (run.recipe, preset) if tag),
            config={key.replace(".", "/"): _plain(value) for key, value in run.config.items()},  # W&B allows no periods
            unit=run.unit,
            existing=exists,
        )
        self.session = Session(identity)
        self.writer = Writer(lambda message: log.warning("W&B: %s; training continues", message))
        self.writer.put(functools.partial(self._open, self.session))

    def _open(self, session: Session) -> None:
        if self.choice.mode != "online":
            session.open("offline")
            return
        try:
            session.open("online")
        except Exception as error:
            session.reopen_offline()
            log.warning("W&B could not start online, and logs offline: %s", first_line(error))

    @hookimpl
    def logged(self, run: Run, step: int, values: Mapping[str, Any]) -> None:
        if self.session is None or self.writer is None:
            return
        from dlplug_wandb.session import as_file

        row = {name: as_file(value) for name, value in values.items()}
        self.writer.put(functools.partial(self.session.log, step, row))

    @hookimpl(trylast=True)
    def run_finished(self, run: Run, result: Mapping[str, Any]) -> None:
        """Waits for the uploads, up to a time limit or Ctrl-C. Called last among the observers, as it may wait."""
        session, writer, self.session, self.writer = self.session, self.writer, None, None
        if session is None or writer is None:
            return
        from dlplug_wandb.session import FINISH_SECONDS, abandon

        writer.close(functools.partial(session.close, dict(result)))
        later = sync_command(run.folder, online=True)
        try:
            if not writer.wait(PATIENCE_SECONDS):
                if self.choice.mode == "online":
                    log.info("W&B is uploading; Ctrl-C stops it, and `%s` uploads the rest", later)
                writer.wait(FINISH_SECONDS)
            if writer.done:
                if session.offline:
                    log.info("W&B: to upload this run: %s", sync_command(run.folder))
                return
        except KeyboardInterrupt:
            pass
        abandon()
        log.warning("W&B has not uploaded everything; to upload the rest: %s", later)


def sync_command(folder: Path, *, online: bool = False) -> str:
    """The command that uploads the offline segments of a run; with `online`, also unfinished online segments."""
    runs = "--include-online {}/*run-*" if online else "{}/offline-run-*"
    return f"{tool('wandb')} sync " + runs.format(shlex.quote(str(folder / "wandb")))


def check_project(project: str) -> None:
    """Raises UserError for a name that W&B does not allow; W&B itself would fail only during the run."""
    entity, slash, name = project.rpartition("/")
    if slash and entity and name and "/" not in entity:
        raise UserError(
            f"W&B project {project!r}: expected a name without a slash, as in --wandb.entity {entity} --wandb.project"
            f" {name}"
        )
    if wrong := [character for character in project if character in FORBIDDEN]:
        raise UserError(f"W&B project {project!r}: expected a name without {wrong[0]} (W&B allows none of {FORBIDDEN})")


def remove_empty_segments(folder: Path) -> None:
    """Removes segments without a record, left by a process that was killed within its first second: `wandb sync` would
    stop there and not upload the other segments, with exit code 0."""
    for file in folder.glob("wandb/*run-*/run-*.wandb"):
        if file.stat().st_size <= HEADER_BYTES:
            shutil.rmtree(file.parent, ignore_errors=True)


def run_id(folder: Path, resumed: bool) -> tuple[str, bool]:
    """(the run's id on W&B, stored in the run folder's wandb.json; whether it existed already)."""
    path = folder / "wandb.json"
    if resumed:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # not logged to W&B before, or damaged
            return str(json.loads(path.read_text(encoding="utf-8"))["id"]), True
    name = os.environ.get("WANDB_RUN_ID") or secrets.token_hex(4)  # set by a sweep's agent
    write_json(path, {"id": name})
    return name, False


def _plain(value: Any) -> Any:
    """A value as W&B's configuration can hold it."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
