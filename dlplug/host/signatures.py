"""A factory's keyword-only signature is its option schema; here it is read, from the source where the factory is
named by a lazy reference, so that help and listings import no torch. A keyword annotated with a frozen dataclass is a
group of options: its fields stand in its place, and the factory receives the dataclass."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlplug.exercises import Exercise
from dlplug.host.bindings import NotPlain
from dlplug.host.source import REQUIRED, SUPPLIED, Declaration, Fields, Parameter, declared


@dataclass(frozen=True)
class Option:
    """One option of a factory: its type and default as the signature states them, its help from the docstring."""

    name: str
    type: Any
    default: Any = REQUIRED
    help: str = ""


@dataclass(frozen=True)
class Group:
    """A keyword-only argument that stands for several options. kind: its dataclass, or "module:name"."""

    name: str
    options: tuple[str, ...]
    kind: Any = field(compare=False)

    def build(self, values: Mapping[str, Any]) -> Any:
        return imported(self.kind)(**{name: values[name] for name in self.options})


@dataclass(frozen=True)
class Signature:
    options: tuple[Option, ...]
    takes: tuple[str, ...]  # of what the run supplies
    summary: str
    unit: str = ""  # of a Data: what its class says it counts
    neutral: tuple[str, ...] = ()  # options that change no measurement: of a Data its `training_options`
    splits: tuple[str, ...] = ()  # of a Data: what its class says can be held out
    finite: bool = False  # of a Data: whether a length may be in epochs
    groups: tuple[Group, ...] = ()
    closures: bool | None = None  # of an optimizer: whether it needs closures; of a Loss: whether it yields them

    def arguments(self, values: Mapping[str, Any], **supplied: Any) -> dict[str, Any]:
        """The factory's keyword arguments from its options' values: those of a group as its dataclass. An option that
        has no value has its default.

        supplied: the `seed` and the `run`, for a factory that names them.
        """
        values = {option.name: values.get(option.name, option.default) for option in self.options}
        in_groups = {name for group in self.groups for name in group.options}
        plain = {name: value for name, value in values.items() if name not in in_groups}
        grouped = {group.name: group.build(values) for group in self.groups}
        return plain | grouped | {name: value for name, value in supplied.items() if name in self.takes}


def read_signature(target: Any) -> Signature:
    """The options of an object, or of the one that a lazy reference "package.module:name" names."""
    return _referenced(target) if isinstance(target, str) else inspected(target)


@functools.cache
def _referenced(target: str) -> Signature:
    try:
        return _signature(declared(target))
    except NotPlain:
        return inspected(imported(target))


def imported(target: Any) -> Any:
    """An object, or the one that a lazy reference "package.module:name" names."""
    if not isinstance(target, str):
        return target
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def inspected(target: Callable[..., Any] | Exercise) -> Signature:
    """The options of a factory that is imported; an exercise has none."""
    if isinstance(target, Exercise):
        return Signature((), (), target.summary)
    parameters = [p for p in inspect.signature(target).parameters.values() if p.kind is p.KEYWORD_ONLY]
    while isinstance(target, functools.partial):
        target = target.func
    function: Any = target.__init__ if inspect.isclass(target) else inspect.unwrap(target)
    types = typing.get_type_hints(function, include_extras=True)
    doc = inspect.cleandoc(target.__doc__ or "")
    maker, more = getattr(target, "made_by", None), ""
    if maker is not None:
        types |= typing.get_type_hints(maker.__init__, include_extras=True)
        more = inspect.cleandoc(maker.__doc__ or "")
    if inspect.isclass(target) and parameters:
        doc += "\n" + inspect.cleandoc(function.__doc__ or "")
    declaration = Declaration(
        [_parameter(p.name, types.get(p.name), p.default) for p in parameters],
        doc,
        more,
        getattr(target, "unit", ""),
        getattr(target, "training_options", None) or getattr(target, "neutral_options", ()),
        getattr(target, "splits", ()),
        getattr(target, "finite", False),
        getattr(target, "closures", None),
    )
    return _signature(declaration)


def _parameter(name: str, kind: Any, default: Any) -> Parameter:
    if not _is_group(kind):
        return Parameter(name, kind, default)
    types = typing.get_type_hints(kind, include_extras=True)
    fields = [
        Parameter(f.name, types[f.name], REQUIRED if f.default is dataclasses.MISSING else f.default)
        for f in dataclasses.fields(kind)
        if f.init
    ]
    overrides = REQUIRED if default is REQUIRED else {f.name: getattr(default, f.name) for f in fields}
    return Parameter(name, Fields(kind, fields, inspect.cleandoc(kind.__doc__ or "")), overrides)


def _is_group(kind: Any) -> bool:
    return inspect.isclass(kind) and getattr(getattr(kind, "__dataclass_params__", None), "frozen", False)


def _signature(factory: Declaration) -> Signature:
    """Groups in their fields' place, help from the docstrings, and the first sentence of these as the summary."""
    parameters: list[Parameter] = []  # with the fields of a group in its place
    groups: list[Group] = []
    docs = [factory.doc, factory.more]  # the first that explains an option is its help
    for parameter in factory.parameters:
        if isinstance(parameter.type, Fields):
            overrides = {} if parameter.default is REQUIRED else parameter.default
            fields = [f._replace(default=overrides.get(f.name, f.default)) for f in parameter.type.parameters]
            groups.append(Group(parameter.name, tuple(f.name for f in fields), parameter.type.kind))
            docs.append(parameter.type.doc)
            parameters += fields
        else:
            parameters.append(parameter)
    helps: dict[str, str] = {}
    for doc in reversed(docs):
        helps |= _helps(doc, [name for name, _, _ in parameters])
    takes = tuple(p.name for p in factory.parameters if p.name in SUPPLIED)
    options = tuple(Option(n, t or _type_of(d), d, helps.get(n, "")) for n, t, d in parameters if n not in takes)
    first_paragraph = re.split(r"\n\s*\n|\n\s*[a-z_][\w, ]*: ", factory.doc.strip())[0]
    summary = re.split(r"(?<=\w[.)])\s+(?=[A-Z])", " ".join(first_paragraph.split()))[0]
    return Signature(
        options,
        takes,
        summary,
        factory.unit,
        tuple(factory.neutral),
        tuple(factory.splits),
        factory.finite,
        tuple(groups),
        factory.closures,
    )


def _type_of(default: Any) -> type:
    """The type of an option that has no annotation."""
    return type(default) if isinstance(default, (bool, int, float)) else str


def _helps(doc: str, names: Sequence[str]) -> dict[str, str]:
    """Docstring lines `name: text` or `name, other: text`, with the more deeply indented lines that follow."""
    helps: dict[str, str] = {}
    current: list[str] = []
    indent = 0
    for line in doc.splitlines():
        match = re.match(r"(\s*)([a-z_][\w, ]*): (.*)", line)
        keys = [key.strip() for key in match[2].split(",")] if match else []
        if match and all(key in names for key in keys):
            current, indent = keys, len(match[1])
            helps.update(dict.fromkeys(keys, match[3].strip()))
        elif len(line) - len(line.lstrip()) > indent:
            helps.update({key: f"{helps[key]} {line.strip()}" for key in current})
        else:
            current = []
    return {name: text.removesuffix(".") for name, text in helps.items()}
