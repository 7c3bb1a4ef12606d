"""A factory's keyword-only signature is its option schema; here it is read, from the source where the factory is
named by a lazy reference, so that help and listings import no torch."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import importlib.util
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlplug import ranges

REQUIRED: Any = inspect.Parameter.empty
OPTIONLESS = ("torch", "abc", "typing")  # where a base class is never followed to: it has no options of ours
MINIMISED = ("dlplug.contracts", "Minimised")  # whose options `minimise` adds to those of a function
GIVEN = ("seed", "run")  # supplied by the run to a factory that names them, so no options


@dataclass(frozen=True)
class Option:
    """One option of a factory: its type and default as the signature states them, its help from the docstring."""

    name: str
    type: Any
    default: Any = REQUIRED
    help: str = ""


@dataclass(frozen=True)
class Signature:
    options: tuple[Option, ...]
    takes: tuple[str, ...]  # of what the run supplies
    summary: str
    unit: str = ""  # of a Data: what its class says it counts
    neutral: tuple[str, ...] = ()  # options that change no measurement: of a Data its `training_options`
    splits: tuple[str, ...] = ()  # of a Data: what its class says can be held out
    finite: bool = False  # of a Data: whether a length may be in epochs


def read_signature(target: Any) -> Signature:
    """The options of an object, or of the one that a lazy reference "package.module:name" names."""
    if not isinstance(target, str):
        return inspected(target)
    try:
        return _parsed(target)
    except _NotPlain:
        module, _, name = target.partition(":")
        return inspected(getattr(importlib.import_module(module), name))


def inspected(target: Callable[..., Any]) -> Signature:
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
    return _signature(
        [(p.name, types.get(p.name), p.default) for p in parameters],
        doc,
        getattr(target, "unit", ""),
        getattr(target, "training_options", None) or getattr(target, "neutral_options", ()),
        more,
        getattr(target, "splits", ()),
        getattr(target, "finite", False),
    )


def _signature(
    parameters: Sequence[tuple[str, Any, Any]],
    doc: str,
    unit: str = "",
    neutral: Sequence[str] = (),
    more: str = "",
    splits: Sequence[str] = (),
    finite: bool = False,
) -> Signature:
    """doc: gives the summary, and the options' help together with `more`, the docstring of whoever adds options."""
    helps = _helps(f"{doc}\n\n{more}", [name for name, _, _ in parameters])
    options = tuple(Option(n, t or _type_of(d), d, helps.get(n, "")) for n, t, d in parameters if n not in GIVEN)
    first_paragraph = re.split(r"\n\s*\n|\n\s*[a-z_][\w, ]*: ", doc.strip())[0]
    summary = re.split(r"(?<=\w[.)])\s+(?=[A-Z])", " ".join(first_paragraph.split()))[0]
    takes = tuple(name for name, _, _ in parameters if name in GIVEN)
    return Signature(options, takes, summary, unit, tuple(neutral), tuple(splits), finite)


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


class _NotPlain(Exception):
    """The source does not say it plainly enough; only importing the module will."""


@functools.cache
def _source(module: str) -> tuple[ast.Module, str]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise _NotPlain(module)
    package = module if spec.submodule_search_locations is not None else module.rpartition(".")[0]
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8")), package


def _parsed(target: str) -> Signature:
    module, _, name = target.partition(":")
    found = _definition(module, name)
    if found is None:
        raise _NotPlain(target)
    module, node = found
    doc = ast.get_docstring(node) or ""
    function, unit, neutral, splits, finite = node, "", _neutral(module, node), (), False
    if isinstance(node, ast.ClassDef):
        attributes = ("unit", "training_options", "splits")
        unit, neutral, splits = (_attribute(module, node, name) or "" for name in attributes)
        finite = bool(_attribute(module, node, "finite"))
        module, function = _constructor(module, node)
    if function is None:
        return _signature([], doc, unit, neutral, splits=splits, finite=finite)
    assert isinstance(function, ast.FunctionDef)
    parameters, more = _keywords(module, function), ""
    if parameters and function is not node:
        doc += "\n" + (ast.get_docstring(function) or "")
    if function is node and any(_is_minimise(module, decorator) for decorator in node.decorator_list):
        home, maker = MINIMISED
        _, made = _definition(home, maker) or (home, None)
        assert isinstance(made, ast.ClassDef)
        _, constructor = _constructor(home, made)
        assert constructor is not None
        parameters += _keywords(home, constructor)
        more = ast.get_docstring(made) or ""
    return _signature(parameters, doc, unit, neutral, more, splits, finite)


def _keywords(module: str, function: ast.FunctionDef) -> list[tuple[str, Any, Any]]:
    """Its keyword-only arguments: name, type, default."""
    parameters = []
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        kind = None if argument.arg in GIVEN else _annotation(module, argument.annotation)
        parameters.append((argument.arg, kind, REQUIRED if default is None else _value(module, default)))
    return parameters


def _is_minimise(module: str, decorator: ast.expr) -> bool:
    """Whether it is the core's decorator of losses, under whatever name it was imported."""
    if ast.unparse(decorator) == "dlplug.minimise":
        return True
    tree, package = _source(module)
    found = (_imported(node, ast.unparse(decorator), package) for node in _statements(tree.body))
    return any(one in (("dlplug", "minimise"), (MINIMISED[0], "minimise")) for one in found)


def _neutral(module: str, node: ast.ClassDef | ast.FunctionDef) -> tuple[str, ...]:
    """What a metric's decorator `neutral_options` names."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).rpartition(".")[2] == "neutral_options":
            return tuple(_value(module, name) for name in decorator.args)
    return ()


def _annotation(module: str, node: ast.expr | None) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        node = ast.parse(node.value, mode="eval").body
    return None if node is None else _value(module, node)


def _definition(module: str, name: str) -> tuple[str, ast.ClassDef | ast.FunctionDef] | None:
    """The class or function of that name, followed through `from … import …`; None where it can have no options."""
    tree, package = _source(module)
    for node in _statements(tree.body):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            if isinstance(node, ast.ClassDef) and node.decorator_list:
                raise _NotPlain(name)  # a dataclass writes its own __init__
            return module, node
        if imported := _imported(node, name, package):
            source, original = imported
            if source.partition(".")[0] in OPTIONLESS:
                return None
            return _definition(source, original)
    if hasattr(builtins, name):
        return None
    raise _NotPlain(name)


def _imported(node: ast.stmt, name: str, package: str) -> tuple[str, str] | None:
    """The module that `from … import …` has a name from, and its name there."""
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            if name == (alias.asname or alias.name):
                return importlib.util.resolve_name("." * node.level + (node.module or ""), package), alias.name
    return None


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """A module's statements, those under `if TYPE_CHECKING:` too, where a lazy package imports its names."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from node.body


def _constructor(module: str, node: ast.ClassDef) -> tuple[str, ast.FunctionDef | None]:
    """A class's own `__init__`, or the first one among its bases."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return module, item
    for home, base in _bases(module, node):
        home, function = _constructor(home, base)
        if function is not None:
            return home, function
    return module, None


def _attribute(module: str, node: ast.ClassDef, name: str) -> Any:
    """A class attribute, its own or its bases'; None where there is none."""
    for item in node.body:
        if isinstance(item, (ast.Assign, ast.AnnAssign)) and item.value is not None and name in _targets(item):
            return _value(module, item.value)
    found = (_attribute(home, base, name) for home, base in _bases(module, node))
    return next((value for value in found if value is not None), None)


def _bases(module: str, node: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """The base classes that may have options."""
    for base in node.bases:
        if isinstance(base, ast.Name):
            found = _definition(module, base.id)
            if found is not None and isinstance(found[1], ast.ClassDef):
                yield found[0], found[1]
        elif not ast.unparse(base).startswith(("nn.", "torch.nn.")):
            raise _NotPlain(ast.unparse(base))


def _value(module: str, node: ast.expr) -> Any:
    """Evaluates an annotation or a default that is made of literals, builtins, the names of typing and of
    `dlplug.ranges`, and plain constants; nothing of the module is run."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    for n in ast.walk(node):
        if isinstance(n, (ast.Lambda, ast.Attribute)) or (isinstance(n, ast.Call) and ast.unparse(n.func) != "Range"):
            raise _NotPlain(ast.unparse(node))
    scope: dict[str, Any] = {"Path": Path, "Sequence": Sequence}
    for name in names - scope.keys():
        scope[name] = _constant(module, name)
    return eval(compile(ast.Expression(node), module, "eval"), {"__builtins__": {}}, scope)


def _constant(module: str, name: str) -> Any:
    plain = {t.__name__: t for t in (int, float, str, bool, tuple, list, dict)}
    if name in plain:
        return plain[name]
    tree, package = _source(module)
    for node in _statements(tree.body):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and name in _targets(node):
            return _value(module, node.value)
        if imported := _imported(node, name, package):
            source, original = imported
            if source in ("typing", ranges.__name__):
                return getattr(sys.modules[source], original)
            return _constant(source, original)
    raise _NotPlain(name)


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    return [ast.unparse(target) for target in (node.targets if isinstance(node, ast.Assign) else [node.target])]
