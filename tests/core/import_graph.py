"""Who imports whom, read from the sources; `python tests/core/import_graph.py` prints it by package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = sorted((ROOT / "dlplug").rglob("*.py"))
KITS = sorted(folder for folder in (ROOT / "plugins" / "kits").glob("*/dlplug_*") if folder.is_dir())
PLUGINS = sorted(folder for folder in (ROOT / "plugins").glob("*/dlplug_*") if folder.is_dir()) + KITS
ENVIRONMENTS = sorted((ROOT / "envs").glob("dlplug_envs/**/*.py"))

# the core's packages, each of which imports only those after it; modules beside them import none of them
PACKAGES = ["testing", "cli", "observers", "runs", "claims", "training", "options", "host"]
ABOVE = {"__init__", "__main__"}  # what hands out all of it


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    """(module, name) of each import below a node, relative ones left out; name is "" for `import module`."""
    for found in ast.walk(node):
        if isinstance(found, ast.Import):
            yield from ((alias.name, "") for alias in found.names)
        elif isinstance(found, ast.ImportFrom) and not found.level:
            yield from ((found.module or "", alias.name) for alias in found.names)


def top(module: str) -> str:
    return module.partition(".")[0]


def core_imports() -> dict[str, set[str]]:
    """Each of the core's modules with those that it imports when it runs, at its top or later."""
    graph: dict[str, set[str]] = {}
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in CORE}
    for name, path in names.items():
        module = tree(path)
        guarded = [
            node for node in ast.walk(module) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        ]
        hidden = {id(inner) for node in guarded for inner in ast.walk(node)}
        seen = [
            node
            for node in ast.walk(module)
            if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in hidden
        ]
        named = {pair for node in seen for pair in imports(node)}
        graph[name] = {f"{m}.{n}" if f"{m}.{n}" in names else m for m, n in named if top(m) == "dlplug"} - {"dlplug"}
    return graph


def package(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 2 else ""


def between_packages() -> Iterator[tuple[str, list[str]]]:
    """(package, those that it imports): the core's packages from the top to the bottom, then kits and plugins."""
    graph = core_imports()
    for name in [*PACKAGES, ""]:
        found = {package(other) for module, others in graph.items() if package(module) == name for other in others}
        yield f"dlplug/{name}", [f"dlplug/{other}" for other in [*PACKAGES, ""] if other in found - {name}]
    for folder in PLUGINS:
        modules = {top(module) for path in folder.rglob("*.py") for module, _ in imports(tree(path))}
        yield folder.name, sorted(module for module in modules - {folder.name} if module.startswith("dlplug"))


if __name__ == "__main__":
    for importer, imported in between_packages():
        print(f"{importer:20} -> {' '.join(imported) or 'nothing of it'}")
