"""What the names of a module are bound to, and what plain expressions are worth, by the module's source alone."""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from dlplug import ranges
from dlplug.host.startup import lasting

# a class, a function, an assigned value, or the module and the name that `from … import …` has it from
Binding = ast.ClassDef | ast.FunctionDef | ast.expr | tuple[str, str]


class NotPlain(Exception):
    """The source does not say it plainly enough; only importing the module will."""


def binding(module: str, name: str) -> Binding | None:
    return _bindings(module).get(name)


@functools.cache
def _bindings(module: str) -> dict[str, Binding]:
    """What each name of a module is bound to, by the first statement that binds it to something of these."""
    tree, package = _source(module)
    bindings: dict[str, Binding] = {}
    for node in _statements(tree.body):
        match node:
            case ast.ClassDef() | ast.FunctionDef():
                bindings.setdefault(node.name, node)
            case ast.Assign() | ast.AnnAssign() if node.value is not None:
                for name in targets_of(node):
                    bindings.setdefault(name, node.value)
            case ast.ImportFrom():
                source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                for alias in node.names:
                    bindings.setdefault(alias.asname or alias.name, (source, alias.name))
    return bindings


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """A module's statements, those under `if TYPE_CHECKING:` too, where a lazy package imports its names."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from node.body


def _spec(module: str) -> ModuleSpec | None:
    """As `importlib.util.find_spec`, without importing the packages that a module lies in."""
    package = module.rpartition(".")[0]
    if not package:
        return importlib.util.find_spec(module)
    above = _spec(package)
    return PathFinder.find_spec(module, above.submodule_search_locations) if above else None


@functools.cache
def _source(module: str) -> tuple[ast.Module, str]:
    spec = _spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise NotPlain(module)
    package = module if spec.submodule_search_locations is not None else module.rpartition(".")[0]
    with lasting():
        return ast.parse(Path(spec.origin).read_text(encoding="utf-8")), package


def value_of(module: str, node: ast.expr) -> Any:
    """Evaluates an annotation or a default that is made of literals, builtins, the names of typing and of
    `dlplug.ranges`, and plain constants; nothing of the module is run."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    for n in ast.walk(node):
        if isinstance(n, (ast.Lambda, ast.Attribute)) or (isinstance(n, ast.Call) and ast.unparse(n.func) != "Range"):
            raise NotPlain(ast.unparse(node))
    scope: dict[str, Any] = {"Path": Path, "Sequence": Sequence}
    scope |= {name: _constant(module, name) for name in names - scope.keys()}
    return eval(compile(ast.Expression(node), module, "eval"), {"__builtins__": {}}, scope)


def _constant(module: str, name: str) -> Any:
    plain = {t.__name__: t for t in (int, float, str, bool, tuple, list, dict)}
    if name in plain:
        return plain[name]
    match binding(module, name):
        case ast.expr() as value:
            return value_of(module, value)
        case ("typing" | ranges.__name__ as source, original):
            return getattr(sys.modules[source], original)
        case (source, original):
            return _constant(source, original)
    raise NotPlain(name)


def targets_of(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]
