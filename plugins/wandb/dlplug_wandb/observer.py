"""The observer: what W&B is told and when. The calls themselves are in `session`, the thread that makes them in
`writer`, the choice between online and offline in `mode`."""

from __future__ import annotations

import functools
import json
import logging
import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dlplug import hookimpl
from dlplug_wandb.mode import Choice, choose
from dlplug_wandb.writer import Writer, first_line

if TYPE_CHECKING:
    from dlplug.runs import Run
    from dlplug_wandb.session import Session

log = logging.getLogger("dlplug")
PATIENCE_SECONDS = 3.0  # of waiting in silence for the last uploads


class Wandb:
    """Weights & Biases: configuration, metrics, media and the trained weights of every run.

    mode: online where there is a key and the server answers, else offline (auto); never a prompt
    project: the W&B project; without it WANDB_PROJECT, else dlplug
    entity: the user or team whose project it is; without it the key's default
    """

    def __init__(
        self,
        *,
        mode: Literal["auto", "online", "offline", "off"] = "auto",
        project: str | None = None,
        entity: str | None = None,
    ) -> None:
        """Raises UserError, before anything has started, where online is demanded and cannot be had."""
        first = os.environ.get("RANK", "0") == "0"
        self.choice = choose(mode) if first else Choice("off")
        self.project = project or os.environ.get("WANDB_PROJECT") or "dlplug"
        self.entity = entity or os.environ.get("WANDB_ENTITY") or None
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
        if self.choice.mode == "offline":
            reason = f": {self.choice.reason}" if self.choice.reason else ""
            log.info("W&B is offline%s; to upload: %s", reason, sync_command(run.folder))

    def _start(self, run: Run) -> None:
        # Imported here rather than in the thread: a data loader that forked meanwhile would inherit a held import lock.
        os.environ.setdefault("WANDB_SILENT", "true")
        from dlplug_wandb.session import Identity, Session

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
            command = sync_command(session.identity.folder)
            log.warning("W&B went offline, as it could not start (%s); to upload: %s", first_line(error), command)

    @hookimpl
    def logged(self, run: Run, step: int, values: Mapping[str, Any]) -> None:
        if self.session is not None and self.writer is not None:
            self.writer.put(functools.partial(self.session.log, step, dict(values)))

    @hookimpl
    def run_finished(self, run: Run, result: Mapping[str, Any]) -> None:
        """Waits for the uploads, but not for ever, and lets Ctrl-C end the wait."""
        session, writer, self.session, self.writer = self.session, self.writer, None, None
        if session is None or writer is None:
            return
        from dlplug_wandb.session import FINISH_SECONDS, abandon

        writer.put(functools.partial(session.close, dict(result)))
        writer.close()
        later = sync_command(run.folder, online=True)
        try:
            if writer.wait(PATIENCE_SECONDS):
                return
            log.info("W&B is uploading; Ctrl-C leaves the rest to `%s`", later)
            if writer.wait(FINISH_SECONDS):
                return
        except KeyboardInterrupt:
            pass
        abandon()
        log.warning("W&B has not taken everything; later: %s", later)


def sync_command(folder: Path, *, online: bool = False) -> str:
    """What uploads the offline parts of a run; with `online`, also those that were to go up by themselves."""
    runs = "--include-online {}/*run-*" if online else "{}/offline-run-*"
    return "wandb sync " + runs.format(shlex.quote(str(folder / "wandb")))


def run_id(folder: Path, resumed: bool) -> tuple[str, bool]:
    """The id under which W&B knows the run, kept in the run folder's wandb.json; and whether it was there already."""
    path = folder / "wandb.json"
    if resumed and path.is_file():
        return str(json.loads(path.read_text(encoding="utf-8"))["id"]), True
    name = os.environ.get("WANDB_RUN_ID") or secrets.token_hex(4)  # a sweep's agent names its runs
    path.write_text(json.dumps({"id": name}) + "\n", encoding="utf-8")
    return name, False


def _plain(value: Any) -> Any:
    """What YAML would hold; W&B refuses periods in names, hence the slashes in place of them."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
