"""What the source of a factory says of its keyword-only arguments; nothing of it is imported."""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from dlplug.host.bindings import NotPlain, binding, targets_of, value_of

REQUIRED: Any = inspect.Parameter.empty
SUPPLIED = ("seed", "run")  # by the run, to a factory that names them, so no options
OPTIONLESS = ("torch", "abc", "typing")  # where a base class is never followed to: it has no options of ours
MINIMISE = (("dlplug", "minimise"), ("dlplug.contracts", "minimise"))
MINIMISED = "dlplug.contracts:Minimised"  # whose options `minimise` adds to those of a function


class Parameter(NamedTuple):
    """A keyword-only argument.

    type: None without an annotation. default: REQUIRED where there is none; of a group, the values by field in which
    the factory's default differs from the dataclass.
    """

    name: str
    type: Any
    default: Any = REQUIRED


class Fields(NamedTuple):
    """The type of an option group: a frozen dataclass, itself or as "module:name", with its fields and docstring."""

    kind: Any
    parameters: list[Parameter]
    doc: str


class Declaration(NamedTuple):
    """A factory as it was written.

    doc: its docstring, and its constructor's. more: the docstring of whoever adds options. The others: see Signature.
    """

    parameters: Sequence[Parameter]
    doc: str
    more: str = ""
    unit: str = ""
    neutral: Sequence[str] = ()
    splits: Sequence[str] = ()
    finite: bool = False
    closures: bool | None = None


def declared(target: str) -> Declaration:
    """What the source of "module:name" declares. Raises NotPlain."""
    module, _, name = target.partition(":")
    found = _definition(module, name)
    if found is None:
        raise NotPlain(target)
    module, node = found
    doc, function, unit, splits, finite = ast.get_docstring(node) or "", node, "", (), False
    closures = True if _decorator(node, "needs_closure") else None
    named = _decorator(node, "neutral_options")
    neutral: Sequence[str] = [value_of(module, name) for name in named.args] if isinstance(named, ast.Call) else ()
    if isinstance(node, ast.ClassDef):
        unit, neutral, splits = (
            _attribute(module, node, name) or "" for name in ("unit", "training_options", "splits")
        )
        finite, closures = bool(_attribute(module, node, "finite")), _attribute(module, node, "closures")
        module, function = _constructor(module, node)
    if function is None:
        return Declaration([], doc, "", unit, neutral, splits, finite, closures)
    assert isinstance(function, ast.FunctionDef)
    parameters, more = _keywords(module, function), ""
    if parameters and function is not node:
        doc += "\n" + (ast.get_docstring(function) or "")
    if function is node and any(_is_minimise(module, decorator) for decorator in node.decorator_list):
        minimised = declared(MINIMISED)
        parameters, more, closures = [*parameters, *minimised.parameters], minimised.doc, False
    return Declaration(parameters, doc, more, unit, neutral, splits, finite, closures)


def _keywords(module: str, function: ast.FunctionDef) -> list[Parameter]:
    parameters = []
    for argument, node in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if argument.arg in SUPPLIED:
            parameters.append(Parameter(argument.arg, None))
            continue
        annotation = _unquoted(argument.annotation)
        if group := _group(module, annotation):
            parameters.append(Parameter(argument.arg, group, _overrides(module, annotation, node, group)))
        else:
            default = REQUIRED if node is None else value_of(module, node)
            parameters.append(Parameter(argument.arg, _annotation(module, annotation), default))
    return parameters


def _group(module: str, annotation: ast.expr | None) -> Fields | None:
    """The frozen dataclass that an annotation names, followed through `from … import …`; None for any other type."""
    found = _dataclass(module, annotation.id) if isinstance(annotation, ast.Name) else None
    if found is None:
        return None
    module, node = found
    fields: dict[str, Parameter] = {}
    for base in node.bases:
        inherited = _group(module, base)
        if inherited is None:
            raise NotPlain(ast.unparse(base))
        fields |= {field.name: field for field in inherited.parameters}
    for item in node.body:
        if isinstance(item, ast.AnnAssign):
            if "ClassVar" in ast.unparse(item.annotation):
                raise NotPlain(ast.unparse(item))
            name, default = ast.unparse(item.target), REQUIRED if item.value is None else value_of(module, item.value)
            fields[name] = Parameter(name, _annotation(module, _unquoted(item.annotation)), default)
    return Fields(f"{module}:{node.name}", list(fields.values()), ast.get_docstring(node) or "")


def _dataclass(module: str, name: str) -> tuple[str, ast.ClassDef] | None:
    match binding(module, name):
        case ast.ClassDef() as node if _is_frozen(node):
            return module, node
        case (source, original) if source.partition(".")[0] not in sys.stdlib_module_names:
            return _dataclass(source, original)
    return None


def _is_frozen(node: ast.ClassDef) -> bool:
    made = _decorator(node, "dataclass")
    keywords = made.keywords if isinstance(made, ast.Call) else ()
    return any(keyword.arg == "frozen" and ast.unparse(keyword.value) == "True" for keyword in keywords)


def _overrides(module: str, kind: ast.expr | None, default: ast.expr | None, group: Fields) -> Any:
    """The values by field that the default `Kind(field=…)` gives a group of that kind."""
    if default is None:
        return REQUIRED
    if not isinstance(default, ast.Call) or kind is None or ast.unparse(default.func) != ast.unparse(kind):
        raise NotPlain(ast.unparse(default))
    names = [field.name for field in group.parameters]
    named = [*zip(names, default.args, strict=False), *((keyword.arg, keyword.value) for keyword in default.keywords)]
    if len(default.args) > len(names) or any(name not in names for name, _ in named):
        raise NotPlain(ast.unparse(default))  # importing it says what is wrong
    return {name: value_of(module, value) for name, value in named}


def _is_minimise(module: str, decorator: ast.expr) -> bool:
    """Whether it is the core's decorator of losses, under whatever name it was imported."""
    name = ast.unparse(decorator)
    return name == "dlplug.minimise" or binding(module, name) in MINIMISE


def _decorator(node: ast.ClassDef | ast.FunctionDef, name: str) -> ast.expr | None:
    """The decorator of that name, called or not, from wherever it was imported."""
    for decorator in node.decorator_list:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(function).rpartition(".")[2] == name:
            return decorator
    return None


def _unquoted(annotation: ast.expr | None) -> ast.expr | None:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return ast.parse(annotation.value, mode="eval").body
    return annotation


def _annotation(module: str, node: ast.expr | None) -> Any:
    return None if node is None else value_of(module, node)


def _definition(module: str, name: str) -> tuple[str, ast.ClassDef | ast.FunctionDef] | None:
    """The class or function of that name, followed through `from … import …`; None where it can have no options."""
    match binding(module, name):
        case ast.ClassDef() as node if node.decorator_list:
            raise NotPlain(name)  # a dataclass writes its own __init__
        case ast.ClassDef() | ast.FunctionDef() as node:
            return module, node
        case (source, original):
            return None if source.partition(".")[0] in OPTIONLESS else _definition(source, original)
    if hasattr(builtins, name):
        return None
    raise NotPlain(name)


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
        if isinstance(item, (ast.Assign, ast.AnnAssign)) and item.value is not None and name in targets_of(item):
            return value_of(module, item.value)
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
            raise NotPlain(ast.unparse(base))
