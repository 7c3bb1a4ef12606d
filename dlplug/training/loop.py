"""The one loop that trains everything, on a GPU or on a CPU."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from dlplug.contracts import Data, Loss, Update
from dlplug.errors import UserError
from dlplug.training.stepper import Stepper


def fit(
    data: Data,
    loss: Loss,
    steppers: Mapping[str, Stepper],
    steps: int,
    *,
    start: int = 0,
    learn: Callable[[Any], list[Update]] | None = None,
    before: Callable[[int], None] = lambda step: None,
    after: Callable[[int, list[Update]], bool] = lambda step, updates: False,
) -> int:
    """The whole training loop, from step `start` to `steps`. Returns the number of completed steps.

    learn: does one step, by default `learn_from`. before(step) is called before each batch is drawn; after(step,
    updates) is called after `step` steps, and returns whether to stop.
    """
    learn = learn or functools.partial(learn_from, loss, steppers)
    batches = iter(data.batches(loss.model))
    for step in range(start, steps):
        before(step)
        batch = next(batches, None)
        if batch is None:
            return step  # the data have ended
        if after(step + 1, learn(batch)):
            return step + 1
    return steps


def learn_from(loss: Loss, steppers: Mapping[str, Stepper], batch: Any, mixed: Callable = iter) -> list[Update]:
    """One step: each update that the loss yields is applied before the next is requested.

    mixed: wraps the updates in mixed precision. Raises UserError where gradients are still held at the end, as
    checkpoints do not contain them.
    """
    updates = []
    for update in mixed(loss.updates(batch)):
        steppers[update.part].take(update)
        updates.append(update)
    for part, stepper in steppers.items():
        if stepper.holds:
            raise UserError(
                f"the last update of the part {part!r} is held: its accumulated gradients would never be applied"
            )
    return updates
