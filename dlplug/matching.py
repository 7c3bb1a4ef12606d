"""Whether a loss can learn from what the data give: said before the first step, not by an AttributeError in it."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dlplug import distributed
from dlplug.contracts import Data, Loss
from dlplug.errors import UserError

if TYPE_CHECKING:
    from dlplug.runs import Run


def check_processes(run: Run, data: Data) -> None:
    """Raises UserError for what processes of torchrun cannot learn together."""
    if distributed.world_size() == 1:
        return
    if not data.distributed:
        raise UserError(f"--data {run.config['data']} acts with the model in one process alone: run without torchrun")
    if run.limits(data.unit)[1] is not None:
        raise UserError(f"each process counts {data.unit} for itself: give torchrun's processes a length in --steps")


def check_batches(data: Data, loss: Loss, names: tuple[str, str]) -> None:
    """Compares the fields of the NamedTuples in the annotations `batches(...) -> Iterator[B]` and `updates(batch: B)`
    (or in those of a function that `minimise` wraps). Where either says nothing, anything goes.

    names: of the data and of the loss. Raises UserError where the data lack a field.
    """
    given = fields(_hints(data.batches).get("return"))
    learn = getattr(loss, "function", loss.updates)
    wanted = fields(_hints(getattr(learn, "func", learn)).get("batch"))
    missing = [name for name in wanted if name not in given]
    if given and missing:
        raise UserError(
            f"the loss {names[1]} needs batches of {', '.join(wanted)}, and the data {names[0]} give"
            f" {', '.join(given)}: choose another --loss or --data"
        )


def fields(annotation: Any) -> tuple[str, ...]:
    """Those of a NamedTuple, or of what an Iterator of them gives; () where there are none."""
    inside = typing.get_args(annotation)
    return getattr(inside[0] if inside else annotation, "_fields", ())


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError):  # an annotation that only a type checker can read
        return {}
