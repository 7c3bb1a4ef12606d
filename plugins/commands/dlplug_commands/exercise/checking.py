"""The check of a student's function: first the slow, obvious method, then a training with it in the plugin's place."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

from dlplug import Exercise, Run, UserError, hookimpl
from dlplug.errors import Interrupted
from dlplug.exercises import loaded
from dlplug.host.plugins import Host
from dlplug.options.layers import resolve
from dlplug.runs.runner import chosen_preset
from dlplug.stop import Stopped
from dlplug_commands.exercise.answer import Answer, line_in, load
from dlplug_commands.exercise.standing_in import in_place_of


class NotPassed(Exception):
    """What is wrong with a student's function, in a line."""


class Trained(NamedTuple):
    """value: of the target's metric. calls: of the student's function. seconds: of the training."""

    value: float
    calls: int
    seconds: float


def answered(exercise: Exercise, name: str, path: Path) -> tuple[Answer, FunctionType]:
    """The student's function and the plugin's own. Raises UserError where the exercise or the file cannot be used."""
    own = loaded(exercise.function)
    if not isinstance(own, FunctionType) or own.__closure__ is not None:
        raise UserError(f"exercise {name}: {exercise.function} is no plain function, which its plugin must mend")
    return load(path, own.__name__, own, name), own


def check_slowly(exercise: Exercise, answer: Answer) -> None:
    """Compares with the slow, obvious method. Raises NotPassed."""
    check = loaded(exercise.check)
    try:
        check(answer)
    except (KeyboardInterrupt, Stopped) as error:
        raise _stopped(answer, error) from error
    except Exception as error:
        raise NotPassed(answer.blamed(error)) from error
    if not answer.calls:
        raise UserError(f"the check {exercise.check} never calls the function, which its plugin must mend")


def train(host: Host, exercise: Exercise, answer: Answer, own: FunctionType, show: bool) -> Trained:
    """Trains the exercise's recipe with the student's function in place of the plugin's own, in a temporary folder and
    without observers. Raises NotPassed."""
    config = resolve(
        host, exercise.recipe, [exercise.options], chosen_preset(host, exercise.recipe, [exercise.options])
    )
    answer.calls, began = 0, time.monotonic()
    progress = Progress(show)
    host.manager.register(progress)
    try:
        with tempfile.TemporaryDirectory() as folder, in_place_of(own, answer):
            run = Run(host, config, Path(folder))
            host.hook.train(run=run)
    except (KeyboardInterrupt, Stopped) as error:
        raise _stopped(answer, error) from error
    except UserError as error:
        raise NotPassed(f"{exercise.recipe} with your {answer.name}: {error}") from error
    except Exception as error:
        raise NotPassed(answer.blamed(error)) from error
    finally:
        host.manager.unregister(progress)
        progress.close()
    return Trained(_reached(exercise, answer, run.latest), answer.calls, time.monotonic() - began)


def _reached(exercise: Exercise, answer: Answer, measured: Mapping[str, float]) -> float:
    """The value of the target's metric. Raises NotPassed where it falls short, or the function was not called."""
    target = exercise.target
    if not answer.calls:
        raise NotPassed(
            f"the training of {exercise.recipe} never called {answer.name}, which the exercise's plugin must mend"
        )
    if target.metric not in measured:
        raise UserError(f"{exercise.recipe} measures no {target.metric} while it trains; it measures "
                        f"{', '.join(measured)}")  # fmt: skip
    value = measured[target.metric]
    if not target.reached(value):
        raise NotPassed(
            f"{exercise.recipe} with your {answer.name}: {target.metric} {value:.4g}, but {target} is expected"
            f" ({answer.calls:,} calls)"
        )
    return value


def _stopped(answer: Answer, error: BaseException) -> Interrupted:
    line = line_in(answer.path, error)
    return Interrupted(f"stopped in line {line} of {answer.path}" if line else "the check was stopped")


class Progress:
    """An observer that shows how far the training is: a moving line on a terminal, else a line each ten seconds."""

    def __init__(self, show: bool) -> None:
        self.show, self.live = show, sys.stdout.isatty()
        self.printed_at, self.width = time.monotonic(), 0

    @hookimpl
    def logged(self, run: Run, values: Mapping[str, Any]) -> None:
        now = time.monotonic()
        if not self.show or now - self.printed_at < (0.2 if self.live else 10.0):
            return
        in_steps = run.unit not in run.config
        done, limit = (run.step, run.config.get("steps", run.length)) if in_steps else (run.count, run.config[run.unit])
        numbers = [f"{name} {value:.4g}" for name, value in values.items() if "/" in name and isinstance(value, float)]
        line = f"{min(1.0, done / max(1, limit)):4.0%}  {'  '.join(numbers[:3])}"[:79]
        print(f"\r{line:{self.width}}" if self.live else line, end="" if self.live else "\n", flush=True)
        self.printed_at, self.width = now, len(line)

    def close(self) -> None:
        if self.width and self.live:
            print(f"\r{'':{self.width}}\r", end="", flush=True)
