"""Checks before the first step that data, loss, metrics and samplers fit together, by their annotations."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dlplug import distributed
from dlplug.contracts import Data, Loss
from dlplug.errors import UserError

if TYPE_CHECKING:
    from dlplug.runs.run import Run


def check_processes(run: Run, data: Data) -> None:
    """Raises UserError for data, or a length, that the processes of torchrun cannot share."""
    if distributed.world_size() == 1:
        return
    if not data.distributed:
        raise UserError(f"--data {run.config['data']} acts with the model in one process alone: run without torchrun")
    if run.limits(data)[1] is not None:
        raise UserError(f"each process counts {data.unit} for itself: give torchrun's processes a length in --steps")


def check_factories(run: Run, functions: Mapping[str, Callable[..., Any]]) -> None:
    """As `check_batches` and `check_fits`, before anything is built or downloaded, as far as the classes of the data
    and of the loss say what they make.

    functions: metrics or samplers, each by its name in words ("metric accuracy").
    """
    names = run.config["data"], run.config["loss"]
    if all(names):
        data, loss = (run.host.get(kind, name).load() for kind, name in zip(("data", "losses"), names, strict=True))
        check_batches(data, loss, names)
        kinds = _returned(loss, "product"), _returned(data, "split")
        for what, function in functions.items():
            _check_arguments(function, kinds, kinds, _may_fit, what, names[::-1])


def check_batches(data: Any, loss: Any, names: tuple[str, str]) -> None:
    """Compares the fields of the NamedTuples in the annotations `batches(...) -> Iterator[B]` and `updates(batch: B)`
    (or in those of a function that `minimise` wraps). Where either has no annotation, nothing is checked.

    data, loss: a Data and a Loss, or the factories of them. names: the names of the data and of the loss. Raises
    UserError where the data lack a field.
    """
    offered = fields(_returned(data, "batches"))
    learners = (getattr(loss, name, None) for name in ("function", "__wrapped__", "updates"))
    learn = next(filter(None, learners), None)
    wanted = fields(_hints(getattr(learn, "func", learn)).get("batch"))
    missing = [name for name in wanted if name not in offered]
    if offered and missing:
        raise UserError(
            f"the loss {names[1]} needs batches of {', '.join(wanted)}, and the data {names[0]} give"
            f" {', '.join(offered)}: choose another --loss or --data"
        )


def check_fits(function: Callable[..., Any], product: Any, data: Any, what: str, names: tuple[str, str]) -> None:
    """Compares the annotations of a metric or sampler, `def f(product: P, data: D)`, with its arguments: the members of
    a protocol, the fields of a NamedTuple, else the class. An argument without an annotation is not checked.

    data: what `Data.split` returns. what: the function in words ("metric accuracy"). names: the names of the loss,
    which provides the product, and of the data. Raises UserError.
    """
    _check_arguments(function, (product, data), (type(product), type(data)), _fits, what, names)


def _check_arguments(
    function: Callable[..., Any],
    arguments: tuple[Any, Any],
    kinds: tuple[Any, Any],
    fits: Callable[[Any, Any], bool],
    what: str,
    names: tuple[str, str],
) -> None:
    hints = _hints(getattr(function, "func", function))
    roles = ("a product", "loss", "makes"), ("held-out data", "data", "make")
    given = zip(_positional(function), roles, arguments, kinds, names, strict=False)
    for parameter, (role, key, verb), argument, kind, name in given:
        wanted = hints.get(parameter)
        if not fits(argument, wanted):
            raise UserError(
                f"{what} takes {role} of type {_described(wanted)}, and the {key} {name} {verb} a"
                f" {_described(kind)}: choose another"
            )


def _positional(function: Callable[..., Any]) -> typing.Iterator[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return (p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds)


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value fits an annotation; True for an annotation that cannot be checked."""
    origin = typing.get_origin(wanted)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in typing.get_args(wanted))
    wanted = origin or wanted
    if wanted is Any or not isinstance(wanted, type):
        return True
    members = _members(wanted)
    return all(hasattr(value, name) for name in members) if members else isinstance(value, wanted)


def _may_fit(kind: Any, wanted: Any) -> bool:
    """Whether what is annotated as one may fit the other; True where the annotations leave it open."""
    for one, other in ((wanted, kind), (kind, wanted)):
        if typing.get_origin(one) in (typing.Union, types.UnionType):
            members = typing.get_args(one)
            return any(_may_fit(other, member) if one is wanted else _may_fit(member, other) for member in members)
    wanted, kind = typing.get_origin(wanted) or wanted, typing.get_origin(kind) or kind
    if any(one is Any or not isinstance(one, type) for one in (kind, wanted)) or getattr(kind, "_is_protocol", False):
        return True
    if _members(wanted):
        return not fields(kind) or all(hasattr(kind, name) for name in _members(wanted))
    return issubclass(kind, wanted) or issubclass(wanted, kind)


def _returned(factory: Any, method: str) -> Any:
    """What a method of a class is annotated to return; None where the factory is no class, or does not say."""
    return _hints(getattr(factory, method, None)).get("return")


def _members(wanted: Any) -> list[str]:
    """The member names of a protocol or a NamedTuple; [] for any other type."""
    bases = [base for base in getattr(wanted, "__mro__", ()) if getattr(base, "_is_protocol", False)]
    names = [name for base in bases for name in (*vars(base), *inspect.get_annotations(base))]
    return [*fields(wanted), *sorted({name for name in names if name == "__call__" or not name.startswith("_")})]


def _described(kind: Any) -> str:
    """Such as "Policy (with act, start)"."""
    members = _members(kind)
    return getattr(kind, "__name__", str(kind)) + (f" (with {', '.join(members)})" if members else "")


def check_parts(loss: Loss, name: str) -> None:
    """Raises UserError for a weight that requires gradients and is in two of the loss's parts, or in none."""
    owners: dict[int, str] = {}
    for part in loss.parts:
        for weight, parameter in loss.model.get_submodule(part).named_parameters():
            other = owners.setdefault(id(parameter), part)
            if other != part and parameter.requires_grad:
                raise UserError(f"the loss {name} moves {weight!r} with the part {part!r} and with {other!r}, too")
    for weight, parameter in loss.model.named_parameters():
        if parameter.requires_grad and id(parameter) not in owners:
            parts = ", ".join(map(repr, loss.parts))
            raise UserError(
                f"the loss {name} moves the parts {parts}, and {weight!r} is in none: it would never learn; add its"
                " part, or freeze it by requires_grad_(False)"
            )


def fields(annotation: Any) -> tuple[str, ...]:
    """The fields of a NamedTuple, or of the items of an Iterator of them; () for any other type."""
    inside = typing.get_args(annotation)
    return getattr(inside[0] if inside else annotation, "_fields", ())


def _hints(function: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError):  # an annotation that only a type checker can read
        return {}
