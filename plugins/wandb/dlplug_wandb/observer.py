"""The observer: what is sent to W&B and when. The calls themselves are in `session`, the thread that makes them in
`writer`, the choice between online and offline in `mode`."""

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
from dlplug.advice import tool
from dlplug.runs.records import write_json
from dlplug_wandb.mode import Choice, choose
from dlplug_wandb.writer import Writer, first_line

if TYPE_CHECKING:
    from dlplug.runs.run import Run
    from dlplug_wandb.session import Session

log = logging.getLogger("dlplug")
PATIENCE_SECONDS = 3.0  # of waiting in silence for the last uploads
HEADER_BYTES = 7  # of a .wandb file; one that has no more holds nothing
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
        """Raises UserError, before anything has started, where online is demanded and impossible, and for a project
        whose name W&B refuses."""
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
            log.warning("W&B: %s; training goes on without it", first_line(error))
            return
        if self.choice.reason:
            log.info("W&B: offline, %s", self.choice.reason)

    def _start(self, run: Run) -> None:
        # Imported here rather than in the thread: a data loader that forked meanwhile would inherit a held import lock.
        os.environ.setdefault("WANDB_SILENT", "true")
        from dlplug_wandb.session import Identity, Session

        remove_empty_segments(run.folder)
        name, known = run_id(run.folder, run.resumed)
        preset = str(run.config.get("preset") or "")
        identity = Identity(
            id=name,
            recipe=run.recipe,
            folder=run.folder.resolve(),
            project=self.project,
            entity=self.entity,
            tags=tuple(tag for tag in (run.recipe, preset) if tag),
            config={key.replace(".", "/"): _plain(value) for key, value in run.config.items()},
            unit=run.unit,
            known=known,
        )
        self.session = Session(identity)
        self.writer = Writer(lambda message: log.warning("W&B: %s; training goes on", message))
        self.writer.put(functools.partial(self._open, self.session))

    def _open(self, session: Session) -> None:
        if self.choice.mode != "online":
            session.open("offline")
            return
        try:
            session.open("online")
        except Exception as error:
            session.reopen_offline()
            log.warning("W&B went offline, as it could not start: %s", first_line(error))

    @hookimpl
    def logged(self, run: Run, step: int, values: Mapping[str, Any]) -> None:
        if self.session is None or self.writer is None:
            return
        from dlplug_wandb.session import as_file

        row = {name: as_file(value) for name, value in values.items()}
        self.writer.put(functools.partial(self.session.log, step, row))

    @hookimpl(trylast=True)
    def run_finished(self, run: Run, result: Mapping[str, Any]) -> None:
        """Waits for the uploads, but not for ever, and lets Ctrl-C end the wait. Last, since it may wait."""
        session, writer, self.session, self.writer = self.session, self.writer, None, None
        if session is None or writer is None:
            return
        from dlplug_wandb.session import FINISH_SECONDS, abandon

        writer.close(functools.partial(session.close, dict(result)))
        later = sync_command(run.folder, online=True)
        try:
            if not writer.wait(PATIENCE_SECONDS):
                if self.choice.mode == "online":
                    log.info("W&B is uploading; Ctrl-C leaves the rest to `%s`", later)
                writer.wait(FINISH_SECONDS)
            if writer.done:
                if session.offline:
                    log.info("W&B: to upload this run: %s", sync_command(run.folder))
                return
        except KeyboardInterrupt:
            pass
        abandon()
        log.warning("W&B has not taken everything; later: %s", later)


def sync_command(folder: Path, *, online: bool = False) -> str:
    """What uploads the offline parts of a run; with `online`, also those that were to go up by themselves."""
    runs = "--include-online {}/*run-*" if online else "{}/offline-run-*"
    return f"{tool('wandb')} sync " + runs.format(shlex.quote(str(folder / "wandb")))


def check_project(project: str) -> None:
    """Raises UserError for a name that W&B refuses, which it would do only in the middle of the run."""
    entity, slash, name = project.rpartition("/")
    if slash and entity and name and "/" not in entity:
        raise UserError(
            f"W&B project {project!r}: expected a name without a slash, as in --wandb.entity {entity} --wandb.project"
            f" {name}"
        )
    if wrong := [character for character in project if character in FORBIDDEN]:
        raise UserError(f"W&B project {project!r}: expected a name without {wrong[0]} (W&B allows none of {FORBIDDEN})")


def remove_empty_segments(folder: Path) -> None:
    """Removes what a process left that was killed within its first second: a segment without a record, at which
    `wandb sync` would stop before the other segments, with exit code 0."""
    for file in folder.glob("wandb/*run-*/run-*.wandb"):
        if file.stat().st_size <= HEADER_BYTES:
            shutil.rmtree(file.parent, ignore_errors=True)


def run_id(folder: Path, resumed: bool) -> tuple[str, bool]:
    """The id under which W&B knows the run, kept in the run folder's wandb.json; and whether it was there already."""
    path = folder / "wandb.json"
    if resumed:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # not logged before, or damaged
            return str(json.loads(path.read_text(encoding="utf-8"))["id"]), True
    name = os.environ.get("WANDB_RUN_ID") or secrets.token_hex(4)  # a sweep's agent names its runs
    write_json(path, {"id": name})
    return name, False


def _plain(value: Any) -> Any:
    """What YAML would hold; W&B refuses periods in names, hence the slashes in place of them."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
