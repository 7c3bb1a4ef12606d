"""What a plugin can extend. Every hook that registers returns a mapping from names to objects or, better, to lazy
references `"package.module:name"`, which are imported only when a run asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from dlplug.exercises import Exercise
    from dlplug.recipes import Recipe
    from dlplug.runs.run import Run

hookspec = pluggy.HookspecMarker("dlplug")
hookimpl = pluggy.HookimplMarker("dlplug")


@hookspec
def register_data() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Name -> factory(*, options) giving a Data."""


@hookspec
def register_models() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Name -> factory(spec, *, options) giving an nn.Module."""


@hookspec
def register_losses() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Name -> factory(model, *, options) giving a Loss."""


@hookspec
def register_optimizers() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Name -> factory(parameters, *, options) giving a torch Optimizer."""


@hookspec
def register_trainers() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Name -> factory(*, options) giving a Trainer."""


@hookspec
def register_metrics() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Name -> function(product, data, *, options) giving named numbers and media."""


@hookspec
def register_samplers() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Name -> function(product, data, *, options) giving named media and numbers, or a text: what `sample` shows."""


@hookspec
def register_recipes() -> Mapping[str, Recipe]:  # type: ignore[empty-body]
    """Name -> Recipe, or a lazy reference to a mapping of them."""


@hookspec
def register_exercises() -> Mapping[str, Exercise | str]:  # type: ignore[empty-body]
    """Name -> Exercise, or a lazy reference to a mapping of them: functions that `exercise` has a student write."""


@hookspec
def register_observers() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Name -> factory(*, options) giving an object with any of the three observing hooks below."""


@hookspec
def register_launchers() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Name -> factory(*, options) giving a Launcher, which starts the process of a run somewhere."""


@hookspec
def register_commands() -> Mapping[str, Callable[..., int]]:  # type: ignore[empty-body]
    """Name -> function(argv), or function(argv, host), giving an exit code; `parsed_by` makes one of parsed flags."""


@hookspec
def diagnose() -> Sequence[Mapping[str, Any]]:  # type: ignore[empty-body]
    """What `doctor` should say of this plugin: findings with `name`, `works`, `says` and `advice`."""


@hookspec
def run_started(run: Run) -> None:
    """A run begins, or goes on after `resume` (run.resumed)."""


@hookspec
def logged(run: Run, step: int, values: Mapping[str, Any]) -> None:
    """Values were logged: numbers and media by `split/name`, and the axes `seconds` and the data's unit."""


@hookspec
def run_finished(run: Run, result: Mapping[str, Any]) -> None:
    """A run has ended; result is what result.json will hold, `status` among it."""


@hookspec(firstresult=True)
def train(run: Run) -> bool | None:
    """Wrap it to surround a run (a profiler), or answer first to replace it."""
