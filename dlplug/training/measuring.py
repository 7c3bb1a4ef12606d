"""Evaluates a run's metrics, without any effect on its training."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from dlplug.errors import MetricFailed
from dlplug.training import checkpoint
from dlplug.training.precision import acting

if TYPE_CHECKING:
    from dlplug.runs.run import Run
    from dlplug.training.job import Job

M = TypeVar("M", bound=Callable[..., Any])


def checked_by(check: Callable[..., object]) -> Callable[[M], M]:
    """A decorator of metrics: `check(product, data, **options)` is called with the metric's options before the first
    step, and raises UserError for values that would fail only when they are used (a missing file, a class that the data
    lack). Types and ranges are checked without it."""

    def mark(metric: M) -> M:
        setattr(metric, "check", check)  # noqa: B010 (a function has no such attribute of its own)
        return metric

    return mark


def neutral_options(*names: str) -> Callable[[M], M]:
    """A decorator of metrics: names the options that change none of the metric's numbers, such as the number of
    pictures or the batch size. A recipe's target applies whatever their values, as with `Data.training_options`.

    Raises TypeError for a name that is no option of the metric.
    """

    def mark(metric: M) -> M:
        parameters = inspect.signature(metric).parameters.values()
        options = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
        if unknown := [name for name in names if name not in options]:
            raise TypeError(f"{getattr(metric, '__name__', metric)} has no option {unknown[0]!r}; it has {options}")
        setattr(metric, "neutral_options", names)  # noqa: B010 (a function has no such attribute of its own)
        return metric

    return mark


def check_metrics(run: Run, job: Job, split: str) -> None:
    """Checks before the first step that each metric accepts the product and the data, and that its options pass its
    `checked_by`, without any effect on the training. Raises MetricFailed, naming the metric."""
    if run.metrics:
        with _evaluation_mode(job):
            held_out, product = job.data.split(split), job.loss.product()
            for name in run.metrics:
                run.parts.check_metric(name, product, held_out)


def measure(run: Run, job: Job, split: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Evaluates every metric of the run on one split: in eval mode, without gradients, and restoring the random state.
    What they say of their protocols becomes the run's protocol.

    values: filled while measuring. Raises MetricFailed, naming the metric, or two metrics that return the same name.
    """
    held_out, product = job.data.split(split), job.loss.product()
    values = {} if values is None else values
    owners: dict[str, str] = {}
    protocols: list[str] = []
    with _evaluation_mode(job):
        for name in run.metrics:
            measured = run.parts.measure(name, product, held_out)
            protocols.append(measured.pop("protocol", ""))
            for key in measured:
                if (other := owners.setdefault(key, name)) != name:
                    raise MetricFailed(f"metrics {other} and {name} both give {key!r}: leave one out with --metrics")
            values.update(measured)
    run.protocol = "; ".join(dict.fromkeys(filter(None, protocols))) or run.protocol
    return values


@contextlib.contextmanager
def _evaluation_mode(job: Job) -> Iterator[None]:
    state = checkpoint.random_state()
    try:
        with acting(job.model, full_precision=True):
            yield
    finally:
        checkpoint.set_random_state(state)
