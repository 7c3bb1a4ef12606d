"""A plugin's own function, read from its source without importing it: the stub is cut from it, the solution is it."""

from __future__ import annotations

import ast
import copy
import importlib.util
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dlplug import Exercise, UserError


class Original(NamedTuple):
    """A function in its module. qualname: "function" or "Class.method". package: that relative imports begin from."""

    module: str
    qualname: str
    path: Path
    package: str
    lines: list[str]
    tree: ast.Module
    node: ast.FunctionDef

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def first_line(self) -> int:
        decorators = [decorator.lineno for decorator in self.node.decorator_list]
        return min([self.node.lineno, *decorators])

    @property
    def place(self) -> str:
        depth = len(self.module.split(".")) + (self.path.name == "__init__.py")
        return f"{'/'.join(self.path.parts[-depth:])}, line {self.first_line}"

    def text(self, first: int, last: int) -> str:
        return textwrap.dedent("\n".join(self.lines[first - 1 : last]))


def original_of(exercise: Exercise) -> Original:
    """Raises UserError where its source cannot be found."""
    if isinstance(exercise.function, str):
        module, _, qualname = exercise.function.partition(":")
        spec = importlib.util.find_spec(module)
        file = spec.origin if spec else None
        package = module if spec and spec.submodule_search_locations is not None else module.rpartition(".")[0]
    else:
        module, qualname = exercise.function.__module__, exercise.function.__qualname__
        file, package = inspect.getsourcefile(exercise.function), module.rpartition(".")[0]
    if not file:
        raise UserError(f"the source of {exercise.function} is not found")
    text = Path(file).read_text(encoding="utf-8")
    tree = ast.parse(text)
    return Original(module, qualname, Path(file), package, text.splitlines(), tree, _definition(tree, qualname, file))


def _definition(tree: ast.Module, qualname: str, file: str) -> ast.FunctionDef:
    body = tree.body
    node: ast.stmt | None = None
    for part in qualname.split("."):
        kinds = (ast.ClassDef, ast.FunctionDef)
        node = next((node for node in body if isinstance(node, kinds) and node.name == part), None)
        body = node.body if isinstance(node, ast.ClassDef) else []
    if not isinstance(node, ast.FunctionDef):
        raise UserError(f"{file} has no function {qualname}")
    return node


def solution(original: Original) -> str:
    """The function's own lines."""
    return original.text(original.first_line, original.node.end_lineno or original.first_line)


def stub(original: Original, introduction: str) -> str:
    """A file with the function's signature and docstring, the imports that it needs, and no body.

    introduction: the file's docstring.
    """
    needed = {node.id for node in ast.walk(original.node) if isinstance(node, ast.Name)}
    class_name, _, _ = original.qualname.rpartition(".")
    head = _head(original)
    if class_name:
        needed.add(class_name)
        head = re.sub(r"\(self\b", f"(self: {class_name}", head, count=1)
    imports = "".join(f"{line}\n" for line in ["", *_imports(original, needed)])
    begin = f'"""{introduction}"""\n\nfrom __future__ import annotations\n'
    return f"{begin}{imports}\n\n{head}\n    raise NotImplementedError\n".replace("\n\n\n\n", "\n\n\n")


def _head(original: Original) -> str:
    """Decorators, signature and docstring."""
    node = original.node
    first, *_ = node.body
    documented = ast.get_docstring(node) is not None
    if first.lineno == node.lineno:  # all in one line
        bare = copy.copy(node)
        bare.body = [ast.Pass()]
        return ast.unparse(bare).rpartition("\n")[0]
    last = (first.end_lineno or first.lineno) if documented else first.lineno - 1
    while original.lines[last - 1].strip().startswith("#"):
        last -= 1  # a comment on the first line of the solution
    return original.text(original.first_line, last)


def _imports(original: Original, needed: set[str]) -> Iterator[str]:
    """Import statements of the needed names, grouped as in the source; then those of the module's own."""
    end, top = 0, ""
    for node in original.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            kept = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in needed]
            if kept:
                apart = end and any(not line.strip() for line in original.lines[end : node.lineno - 1])
                yield from [""] if apart else []
                statement = ast.unparse(_absolute(node, kept, original.package))
                yield statement
                end, top = node.end_lineno or node.lineno, statement.split()[1].partition(".")[0]
    own = sorted(needed & _defined(original.tree) - {original.name})
    if own:
        yield from [""] if end and top != original.module.partition(".")[0] else []
        yield f"from {original.module} import {', '.join(own)}"


def _absolute(node: ast.Import | ast.ImportFrom, kept: list[ast.alias], package: str) -> ast.stmt:
    if isinstance(node, ast.Import):
        return ast.Import(kept)
    module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    return ast.ImportFrom(module, kept, 0)


def _defined(tree: ast.Module) -> set[str]:
    """The names that a module defines at its top."""
    names = set[str]()
    for node in tree.body:
        match node:
            case ast.ClassDef() | ast.FunctionDef():
                names.add(node.name)
            case ast.Assign():
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return names
