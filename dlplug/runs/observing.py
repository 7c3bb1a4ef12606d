"""A run's observers. What goes wrong with one of a plugin's costs that observer, never the training; the core's own
(a full disk under metrics.jsonl) are as much a part of the run as its checkpoints, and stop it."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dlplug.errors import UserError, one_line
from dlplug.host.plugin import Plugin
from dlplug.host.plugins import Entry, Host
from dlplug.stop import Stopped

if TYPE_CHECKING:
    from dlplug.runs.run import Run

log = logging.getLogger("dlplug")

WITHOUT = "the run goes on without an observer"
EVENTS = ("run_started", "logged", "run_finished")


@contextlib.contextmanager
def observed(run: Run) -> Iterator[None]:
    """Builds every observer, and has it and the plugins' own hooks watch meanwhile.

    Raises UserError where a constructor does (for what a user can mend), and, under DLPLUG_STRICT, for any failure.
    """
    built = [(observer, entry.plugin) for entry in run.host.usable("observers") if (observer := _built(run, entry))]
    for (kind, _), why in run.host.unusable.items():
        if kind == "observers":
            log.warning(f"{WITHOUT}: {why}")
    modules = [(plugin.module, plugin) for plugin in run.host.plugins if plugin.state == "works"]
    with contextlib.ExitStack() as after:
        for observer, _ in built:
            run.host.manager.register(observer)
            after.callback(_unregister, run.host, observer)
        for observer, plugin in [*built, *modules]:
            if plugin.name != "core":
                _guard(run.host, observer, plugin, after)
        yield


def _built(run: Run, entry: Entry) -> Any:
    """The observer, or None where it does not load or cannot be built."""
    try:
        entry.load()
    except UserError as error:
        return _leave_out(run.host, str(error), error)
    try:
        return run.parts.build("observers", entry.name, f"{entry.name}.")
    except UserError:
        raise
    except Exception as error:
        if entry.plugin.name == "core":
            raise
        return _leave_out(run.host, f"{entry.name} of {entry.plugin}: {one_line(error)}", error)


def _guard(host: Host, observer: Any, plugin: Plugin, after: contextlib.ExitStack) -> None:
    """Takes an observer, or a plugin's module, that raises out of the run."""

    def guarded(hook: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(hook)
        def call(*arguments: Any) -> Any:
            try:
                return hook(*arguments)
            except Stopped:
                raise
            except Exception as error:
                _unregister(host, observer)
                _leave_out(host, f"{hook.__name__} of {plugin}: {one_line(error)}", error)

        return call

    for event in EVENTS:
        for hook in getattr(host.hook, event).get_hookimpls():
            if hook.plugin is observer and not (hook.wrapper or hook.hookwrapper):
                after.callback(setattr, hook, "function", hook.function)
                hook.function = guarded(hook.function)


def _unregister(host: Host, observer: Any) -> None:
    if host.manager.is_registered(observer):
        host.manager.unregister(observer)


def _leave_out(host: Host, what: str, error: Exception) -> None:
    """Says so, once; raises UserError where every problem is to be an error."""
    if host.strict:
        raise UserError(what) from error
    log.warning(f"{WITHOUT}: {what}")
