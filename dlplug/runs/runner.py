"""What the verbs `run`, `resume` and `eval` do, as functions."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlplug import distributed
from dlplug.claims.targets import evaluated
from dlplug.errors import MetricFailed, UserError
from dlplug.host.plugins import Host, load_host
from dlplug.host.startup import lasting
from dlplug.media import Media
from dlplug.options.layers import choose, evaluation_layer, resolve
from dlplug.options.objects import with_names
from dlplug.options.parts import KIND_OF
from dlplug.output import command
from dlplug.recipes import chosen_by_device
from dlplug.runs.folder import current_config, damaged, located, new_folder
from dlplug.runs.lock import locked
from dlplug.runs.notebook import in_notebook, say_by_default
from dlplug.runs.observing import observed
from dlplug.runs.records import write_config, write_evaluation
from dlplug.runs.run import Run
from dlplug.stop import first_asks_second_interrupts, stop_asked
from dlplug.training.device_hint import default_preset

log = logging.getLogger("dlplug")


def run(
    recipe: str,
    options: Mapping[str, Any] | None = None,
    *,
    preset: str = "",
    out: str | None = None,
    host: Host | None = None,
    layers: Sequence[Mapping[str, Any]] = (),
) -> Run:
    """Runs a recipe to its end and returns the run, whose `result` is what result.json holds; `run.model` is the
    trained module, and a notebook shows the run as a page.

    options: a flat overlay, {"loss.beta": 2.0}. A class or function may stand where a name does, {"model": Net}: a
    factory as a plugin would register it, a model that is built from nothing, a loss that is a function of a model and
    a batch. preset: "" lets the device choose between `cpu` and `gpu`. layers: further overlays below `options`.

    Raises UserError for what a user can mend, and in a notebook KeyboardInterrupt for a run that was interrupted,
    after it was saved.
    """
    say_by_default()
    host = host or load_host()
    layers = [with_names(host, layer) for layer in (*layers, options or {})]
    config = resolve(host, recipe, layers, preset or chosen_preset(host, recipe, layers))
    if distributed.rank() != 0:
        return execute(Run(host, config, Path(out or "runs")))  # only the first process writes
    with new_folder(recipe, out, _replaced_parts(host, config)) as folder:
        execution = Run(host, config, folder)
        write_config(execution)
        return _interrupting_notebook(execute(execution))


def chosen_preset(host: Host, recipe: str, layers: Sequence[Mapping[str, Any]]) -> str:
    """`cpu` or `gpu` by the device, for a recipe that has both."""
    if not chosen_by_device(host.recipe(recipe)):
        return ""
    devices = [str(layer["device"]) for layer in layers if "device" in layer]
    device = devices[-1] if devices else "auto"
    if device == "auto":
        _check_under_either(host, recipe, layers)
    return default_preset(device)


def _check_under_either(host: Host, recipe: str, layers: Sequence[Mapping[str, Any]]) -> None:
    """Raises UserError for what is wrong under both presets, before torch is imported to choose one."""
    errors: list[UserError] = []
    for preset in ("gpu", "cpu"):
        try:
            resolve(host, recipe, layers, preset)
        except UserError as error:
            errors.append(error)
    if len(errors) == 2:
        raise errors[1]


def _replaced_parts(host: Host, config: Mapping[str, Any]) -> list[str]:
    """The names of data, model and loss that a configuration has in place of the recipe's (and the preset's) own."""
    own = choose(host, config["recipe"], [], config["preset"])
    return [config[key] for key in ("data", "model", "loss") if config[key] and config[key] != own[key]]


def resume(name: str | Path | Run, options: Mapping[str, Any] | None = None, *, host: Host | None = None) -> Run:
    """Goes on with a run from its last checkpoint. The options, such as a longer length, are written down once the run
    has begun with them.

    name: a run, a run folder, or a recipe's name for its newest run. Raises as `run` does.
    """
    say_by_default()
    folder, host = located(name, host)
    with locked(folder) if distributed.rank() == 0 else contextlib.nullcontext():
        return _interrupting_notebook(execute(open_run(folder, options, host=host, resumed=True)))


def _interrupting_notebook(execution: Run) -> Run:
    """A cell that was interrupted raises, so that those below it do not go on with a half-trained net."""
    if execution.signalled and in_notebook():
        again = f"dlplug.resume({str(execution.folder)!r})"
        raise KeyboardInterrupt(f"saved at step {execution.step:,}; go on with: {again}")
    return execution


def open_run(
    name: str | Path | Run, options: Mapping[str, Any] | None = None, *, host: Host | None = None, resumed: bool = False
) -> Run:
    """The run of a folder, or a recipe's newest, with the configuration that it was run with."""
    folder, host = located(name, host)
    saved, options = current_config(folder, host), with_names(host, options or {})
    absent = _of_absent_observers(host, saved)
    try:
        known = {key: value for key, value in saved.items() if key not in absent}
        config = resolve(host, saved["recipe"], [known, options]) | {"preset": saved["preset"]}
    except (KeyError, TypeError) as error:
        raise damaged(folder, error) from None
    return Run(host, config | absent, folder, resumed, options)


def _of_absent_observers(host: Host, saved: Mapping[str, Any]) -> dict[str, Any]:
    """The options in a saved configuration of observers that are not here now: kept for when they are again."""
    owners = {*KIND_OF, "optimizer", *(entry.name for entry in host.usable("observers"))}
    return {key: value for key, value in saved.items() if "." in key and key.partition(".")[0] not in owners}


def execute(execution: Run) -> Run:
    """Trains under the observers' eyes. Ctrl-C saves and stops; a failure is recorded, with the way on, and raised."""
    observing = observed(execution) if distributed.rank() == 0 else contextlib.nullcontext()
    with first_asks_second_interrupts(), observing:
        _train(execution)
    return execution


def _train(execution: Run) -> None:
    try:
        execution.host.hook.train(run=execution)
        execution.signalled = stop_asked()
        execution.stopping = execution.stopping  # the wish is withdrawn, and was this run's
        if distributed.rank() == 0:
            execution.finish("interrupted" if execution.stopping else "finished")
    except BaseException as error:
        if execution.started and not execution.result and distributed.rank() == 0:
            at_once = isinstance(error, KeyboardInterrupt)
            reason = "stopped at once" if at_once else str(error) or type(error).__name__
            way_on = execution.way_on()
            if isinstance(error, MetricFailed):
                way_on += f", or measure what it has learnt with: {command('eval', execution.folder)}"
            execution.finish("interrupted" if at_once else "failed", f"{reason}; {way_on}")
        raise


def evaluate(
    name: str | Path | Run, options: Mapping[str, Any] | None = None, *, host: Host | None = None
) -> dict[str, Any]:
    """The metrics of a trained run on its data's last split (the test set, or the environment), and their `protocol`
    where they name one. The run folder keeps the newest, with the overlay, as evaluation.json.

    name: a run, a run folder, or a recipe's name for its newest run.
    options: an overlay; a metric's options may go without its name, {"epsilon": 0.001}.
    """
    return evaluation_of(name, options, host=host)[1]


def evaluation_of(
    name: str | Path | Run, options: Mapping[str, Any] | None = None, *, host: Host | None = None
) -> tuple[Run, dict[str, Any]]:
    """The run as it was evaluated, and what was measured."""
    folder, host = located(name, host)
    saved = open_run(folder, host=host).config
    overlay = evaluation_layer(host, saved, with_names(host, options or {}))
    execution = open_run(folder, evaluated(host, saved, overlay), host=host)
    if not execution.metrics:
        raise UserError(f"recipe {execution.recipe} has no metrics to evaluate")
    with lasting():  # torch
        from dlplug.training.measuring import check_metrics, measure
    job = execution.make("trainer").load(execution)
    try:
        split = job.data.splits[-1]
        check_metrics(execution, job, split)
        values = {f"{split}/{key}": value for key, value in measure(execution, job, split).items()}
    finally:
        job.data.close()
    for key, value in values.items():
        if isinstance(value, Media):
            execution.write_media(key, value)
            values[key] = str(value.path)
    write_evaluation(execution, overlay, values)
    return execution, values | ({"protocol": execution.protocol} if execution.protocol else {})
