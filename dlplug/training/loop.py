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
    """Learns from batch number `start` up to `steps`; the whole training loop. Returns the steps done.

    before(step) runs ahead of each batch's draw; after(step, updates) returns whether to stop after `step` steps.
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
    """One step: each loss that is yielded moves its part before the next is asked for.

    Raises UserError where gradients are still held at the end: no checkpoint has them.
    """
    updates = []
    for update in mixed(loss.updates(batch)):
        steppers[update.part].take(update)
        updates.append(update)
    for part, stepper in steppers.items():
        if stepper.holds:
            raise UserError(f"the last update of the part {part!r} is held: it never moves by what was accumulated")
    return updates
