"""The checks of a trainer, a metric, an observer and a verb, by short runs of a recipe."""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dlplug.cli.main import main
from dlplug.host.hookspecs import hookimpl
from dlplug.host.plugins import Host, load_host
from dlplug.options.layers import choose, resolve
from dlplug.runs.run import Run
from dlplug.runs.runner import evaluate, resume, run

QUIET = {"console.show": "off", "tensorboard.write": "off", "device": "cpu"}


def quiet(host: Host, recipe: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with `QUIET` below them: no output, and the CPU where the trainer has the option `device`."""
    overlay = QUIET | ({"wandb.mode": "off"} if "wandb" in host.names("observers") else {})
    trainer = host.get("trainers", choose(host, recipe, [options])["trainer"])
    if "device" not in [option.name for option in trainer.signature().options]:
        del overlay["device"]
    return overlay | dict(options)


def check_metric(
    recipe: str, metric: str, options: Mapping[str, Any] | None = None, host: Host | None = None
) -> dict[str, Any]:
    """Trains a recipe for three steps and checks that a metric returns finite numbers, the same twice, and media that
    can be written. Returns them by name.

    options: options that make the recipe small enough for a test, and the metric's own options.
    """
    host = host or load_host()
    overlay = quiet(host, recipe, {"steps": 3, **(options or {}), "metrics": [metric]})
    with tempfile.TemporaryDirectory() as folder:
        trained = run(recipe, overlay, out=f"{folder}/run", host=host)
        assert trained.result["status"] == "finished", f"a run that measures {metric} ended: {trained.result}"
        measured, again = evaluate(trained), evaluate(trained)
        assert measured, f"metric {metric} returns nothing"
        for name, value in measured.items():
            if isinstance(value, (int, float)):
                assert math.isfinite(value), f"{name} of metric {metric} is {value}"
                assert value == again[name], f"{name} of metric {metric} is {value}, then {again[name]}"
            elif name != "protocol":
                assert Path(value).stat().st_size, f"{name} of metric {metric} is an empty file"
    return measured


def check_trainer(
    recipe: str, trainer: str = "", options: Mapping[str, Any] | None = None, host: Host | None = None
) -> None:
    """Checks that a trainer trains a recipe to its length, stops when asked to, resumes from there, and loads the
    result.

    options: options that make the recipe small enough for a test; the run is stopped when it logs first.
    """
    host = host or load_host()
    chosen = {"trainer": trainer} if trainer else {}
    overlay = quiet(host, recipe, {**chosen, "steps": 20, **(options or {})})
    length = resolve(host, recipe, [overlay])["steps"]
    if "log_every" not in overlay and "log_every" in resolve(host, recipe, [overlay]):
        overlay["log_every"] = 5
    with tempfile.TemporaryDirectory() as folder:
        with _stopping_at_once(host):
            stopped = run(recipe, overlay, out=f"{folder}/run", host=host)
        assert stopped.result["status"] == "interrupted", f"{trainer} was asked to stop, and: {stopped.result}"
        assert 0 < stopped.step < length, f"{trainer} was asked to stop early, and did so at step {stopped.step}"
        resumed = resume(stopped)
        assert (resumed.first_step, resumed.step) == (stopped.step, length), (
            f"a resume at step {stopped.step} of {length} went from {resumed.first_step} to {resumed.step}"
        )
        assert resumed.result["status"] == "finished", f"the resumed run ended: {resumed.result}"
        assert resumed.product is not None, f"{trainer} loads a run without a product"


def check_observer(
    recipe: str, observer: str, options: Mapping[str, Any] | None = None, host: Host | None = None
) -> None:
    """Checks that an observer raises nothing during a run that is stopped and resumed.

    options: options that make the recipe small enough for a test, and the observer's own options.
    """
    host = host or load_host()
    host.get("observers", observer).load()
    overlay = quiet(host, recipe, {"steps": 20, "log_every": 5, **(options or {})})
    strict, host.strict = host.strict, True
    try:
        with tempfile.TemporaryDirectory() as folder:
            with _stopping_at_once(host):
                stopped = run(recipe, overlay, out=f"{folder}/run", host=host)
            assert resume(stopped).result["status"] == "finished"
    finally:
        host.strict = strict


def check_command(verb: str, host: Host | None = None) -> None:
    """Checks that a verb has a docstring for `dlplug --help`, answers `--help`, and refuses an unknown flag in one
    line."""
    host = host or load_host()
    entry = host.get("commands", verb)
    assert entry.signature().summary, f"the command {verb} has no docstring, which `dlplug --help` shows"
    plugins = [word for option in host.options for word in ("-p", option)]
    code, output, _ = _run_command(*plugins, verb, "--help")
    assert (code, bool(output.strip())) == (0, True), f"{verb} --help exits with {code} and prints {output!r}"
    code, _, error = _run_command(*plugins, verb, "--no-such-option")
    assert code == 2, f"{verb} --no-such-option exits with {code}; expected 2, by a UserError"
    assert error.count("\n") == 1, f"{verb} --no-such-option prints other than one line: {error!r}"


def _run_command(*words: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of a command."""
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            code = main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return code, out.getvalue(), errors.getvalue()


class _StopAtOnce:
    @hookimpl
    def logged(self, run: Run) -> None:
        run.stopping = True


@contextlib.contextmanager
def _stopping_at_once(host: Host) -> Iterator[None]:
    """Stops every run when it logs first."""
    stops = _StopAtOnce()
    host.manager.register(stops)
    try:
        yield
    finally:
        host.manager.unregister(stops)
