"""The layout that keeps the parts apart, held by reading the imports."""

from __future__ import annotations

import ast
import functools
import graphlib
import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from import_graph import (
    ABOVE,
    CORE,
    ENVIRONMENTS,
    KITS,
    PACKAGES,
    PLUGINS,
    ROOT,
    core_imports,
    imports,
    package,
    top,
    tree,
)

import dlplug
from dlplug.host.plugins import KINDS, load_host
from dlplug.options.layers import recipe_options
from dlplug.options.parts import KIND_OF, choice_keys
from dlplug.recipes import as_use

# what a plugin may name beside `from dlplug import …`: the contract's own modules, and, for one that brings a trainer
# of its own, those that the shared trainer is made of, and, for a verb over runs, those that read them and recipes
PUBLIC = {"contracts", "distributed", "errors", "exercises", "json_values", "media", "recipes", "sampling"}
PUBLIC |= {"output", "stop", "testing"}
PUBLIC |= {"host.hookspecs", "host.local_modules", "host.plugin", "host.plugins", "host.protocols"}
PUBLIC |= {
    "cli.launching",
    "cli.parser",
    "cli.recipe_help",
    "claims.durations",
    "claims.intervals",
    "claims.records",
    "claims.targets",
}
PUBLIC |= {"options.help", "options.layers", "options.parsing", "options.parts", "options.reading"}
PUBLIC |= {"runs.environment", "runs.folder", "runs.lock", "runs.metrics_file", "runs.reader", "runs.records"}
PUBLIC |= {"runs.runner", "runs.samples"}
PUBLIC |= {"training.device", "training.device_hint", "training.session", "training.trainer"}

HEAVY = {"torch", "numpy", "gymnasium", "wandb", "ale_py", "torchvision", "rich", "yaml", "tensorboard"}
# packages that are not named as their distributions
DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv_python",
    "pywt": "pywavelets",
    "sklearn": "scikit_learn",
    "yaml": "pyyaml",
}
SECONDS = {"matplotlib", "scipy", "sklearn", "torchmetrics", "torchvision"}


@functools.cache
def files_of(plugin: Path) -> list[Path]:
    return sorted(plugin.rglob("*.py"))


def project(package: Path) -> dict[str, Any]:
    """What the pyproject.toml beside a package says of its distribution."""
    return tomllib.loads((package.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def named(requirements: Iterable[str]) -> set[str]:
    """The distributions of requirements, spelled as packages are: "dlplug_images" of "dlplug-images>=0.1,<0.2"."""
    return {re.split(r"[^\w-]", requirement)[0].replace("-", "_").lower() for requirement in requirements}


@functools.cache
def required(package: Path) -> set[str]:
    """The distributions that its own depends on."""
    return named(project(package)["dependencies"])


def test_there_is_something_to_look_at():
    assert len(CORE) > 20
    assert {plugin.name for plugin in PLUGINS} >= {"dlplug_rl", "dlplug_wandb"}
    assert ENVIRONMENTS


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_plugins_import_only_what_is_public_and_kits_that_they_depend_on(plugin):
    kits = required(plugin) & {kit.name for kit in KITS}
    others = {other.name for other in PLUGINS} - {plugin.name} - kits
    for path in files_of(plugin):
        for module, name in imports(tree(path)):
            where = f"{path.relative_to(ROOT)}: {module} {name}"
            assert top(module) not in others, f"{where} is another plugin, or a kit that is not in its dependencies"
            if module == "dlplug":
                assert name in ("", *dlplug.__all__) or name in PUBLIC, f"{where} is not public"
            elif top(module) == "dlplug":
                assert module.removeprefix("dlplug.") in PUBLIC or _for_types(path, module), f"{where} is not public"


def _for_types(path: Path, module: str) -> bool:
    """Whether a module is imported only under `if TYPE_CHECKING:`, and is the home of a public name."""
    guarded = {
        found
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for found in imports(node)
    }
    used = {found for found in imports(tree(path)) if found[0] == module}
    return used <= guarded and all(name in dlplug.__all__ for _, name in used)


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.name)
def test_environments_know_neither_dlplug_nor_torch(path):
    known = {"gymnasium", "numpy", "dlplug_envs"} | sys.stdlib_module_names
    assert {top(module) for module, _ in imports(tree(path))} <= known


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_never_imports_a_plugin(path):
    names = {plugin.name for plugin in PLUGINS} | {"dlplug_envs"}
    assert not {top(module) for module, _ in imports(tree(path))} & names
    assert not [name for name in names if name in path.read_text(encoding="utf-8")]


def test_imports_go_one_way():
    order = {name: place for place, name in enumerate([*PACKAGES, ""])}
    graph = {name: found for name, found in core_imports().items() if name.removeprefix("dlplug.") not in ABOVE}
    assert {package(name) for name in graph} == order.keys()
    wrong = [f"{a} imports {b}" for a, found in graph.items() for b in found if order[package(a)] > order[package(b)]]
    assert not wrong
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, naming the circle


def test_a_module_lies_beside_the_packages_only_where_several_of_them_or_only_plugins_use_it():
    graph = core_imports()
    users = {name: {package(user) or user for user, found in graph.items() if name in found} for name in graph}
    flat = [name for name in graph if not package(name) and name.removeprefix("dlplug.") not in ABOVE]
    assert [f"{name} belongs in {users[name]}" for name in flat if len(users[name]) == 1] == []


@pytest.mark.parametrize("file", ["loop.py", "session.py", "trainer.py"])
def test_the_trainer_asks_no_questions(file):
    path = ROOT / "dlplug" / "training" / file
    called = {node.func.id for node in ast.walk(tree(path)) if isinstance(node, ast.Call) and hasattr(node.func, "id")}
    assert not called & {"isinstance", "issubclass", "hasattr", "type"}
    host = load_host()
    own = {entry.name for kind in KINDS for entry in host.entries(kind) if entry.plugin.name != "core"}
    words = {word for node in ast.walk(tree(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
             for word in [node.value]}  # fmt: skip
    assert not words & (own | {plugin.name for plugin in host.plugins if plugin.name != "core"})


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_a_plugins_init_is_its_hook_implementations(plugin):
    module = tree(plugin / "__init__.py")
    assert ast.get_docstring(module)
    for node in module.body[1:]:
        if isinstance(node, ast.FunctionDef):
            assert [ast.unparse(decorator) for decorator in node.decorator_list] == ["hookimpl"], node.name
        else:
            assert isinstance(node, (ast.Import, ast.ImportFrom)), f"{plugin.name}: {ast.unparse(node)}"


def test_importing_a_plugin_is_light():
    names = [plugin.name for plugin in PLUGINS]
    code = "import importlib, sys\n"
    code += f"for name in {names!r}: importlib.import_module(name); print(name, *{HEAVY!r} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == names


def test_plugins_import_what_takes_seconds_where_they_use_it_and_no_pyplot():
    for path in (path for plugin in PLUGINS for path in files_of(plugin)):
        module = tree(path)
        first = [node for node in module.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        found = {top(name) for node in first for name, _ in imports(node)} & SECONDS
        assert not found, f"{path.relative_to(ROOT)} imports {found} before anything asks for it"
        everywhere = {f"{name}.{part}" for name, part in imports(module)}
        assert not [name for name in everywhere if name.startswith("matplotlib.pyplot")], path.relative_to(ROOT)


def test_importing_dlplug_is_light_and_its_names_are_there():
    code = f"import sys, dlplug; dlplug.hookimpl, dlplug.Recipe; print(sorted({HEAVY!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert dlplug.__all__ == sorted(dlplug.__all__)
    for name in dlplug.__all__:
        assert getattr(dlplug, name) is not None
    assert dir(dlplug) == dlplug.__all__
    with pytest.raises(AttributeError, match="module 'dlplug' has no attribute 'nothing'"):
        dlplug.nothing  # noqa: B018


def test_lazy_names_and_those_for_type_checkers_are_the_same():
    module = tree(ROOT / "dlplug" / "__init__.py")
    guard = next(node for node in module.body if isinstance(node, ast.If))
    assert ast.unparse(guard.test) == "TYPE_CHECKING"
    typed = {(source.removeprefix("dlplug."), name) for source, name in imports(guard) if source != "typing"}
    assert typed == {(home, name) for name, home in dlplug._HOME_OF.items()}
    assert sorted(dlplug._HOME_OF) == dlplug.__all__


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_each_plugin_is_a_distribution_of_its_own(plugin):
    found = project(plugin)
    assert found["name"] == plugin.name.replace("_", "-")
    registered = found.get("entry-points", {}).get("dlplug", {})
    assert registered == {plugin.parent.name: plugin.name} or (plugin in KITS and not registered)
    assert (plugin.parent / "README.md").is_file()


@pytest.mark.parametrize("kit", KITS, ids=lambda kit: kit.name)
def test_a_kit_has_no_recipes(kit):
    defined = {node.name for node in tree(kit / "__init__.py").body if isinstance(node, ast.FunctionDef)}
    assert not defined & {"register_recipes", "register_commands", "register_trainers", "register_observers"}


def reachable(package: Path) -> set[str]:
    """A plugin's package and those that its distribution depends on, directly or not."""
    found, todo = set[str](), [package]
    while todo:
        package = todo.pop()
        found.add(package.name)
        todo += [other for other in PLUGINS if other.name in required(package) - found]
    return found


def test_what_a_recipe_names_comes_with_its_plugin():
    host = load_host()
    packages = {plugin.parent.name: plugin for plugin in PLUGINS}
    for entry in host.entries("recipes"):
        own = {"core", *(name.removeprefix("dlplug_") for name in reachable(packages[entry.plugin.name]))}
        recipe = host.recipe(entry.name)
        for preset in [{}, *(preset.options for preset in recipe.presets.values())]:
            config = {**recipe_options(recipe), **preset}
            named = {(KIND_OF.get(key, "optimizers"), config.get(key)) for key in choice_keys(recipe) - {"metrics"}}
            named |= {("metrics", name) for name in config["metrics"]}
            named |= {("samplers", as_use(sampler).name) for sampler in recipe.samplers}
            homes = {(kind, name): host.get(kind, name).plugin.name for kind, name in named if name}
            missing = {name: home for name, home in homes.items() if home not in own}
            assert not missing, f"{entry.name} needs {missing}, which {entry.plugin} does not depend on"


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_a_plugin_depends_on_what_it_imports(plugin):
    extras = itertools.chain(*project(plugin).get("optional-dependencies", {}).values())
    declared = required(plugin) | named(extras)
    used = {top(module) for path in files_of(plugin) for module, _ in imports(tree(path))}
    third = used - sys.stdlib_module_names - {plugin.name}
    assert not {name for name in third if DISTRIBUTIONS.get(name, name) not in declared}


def test_files_are_short():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in [*CORE, *ENVIRONMENTS, *(path for plugin in PLUGINS for path in files_of(plugin))]
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert not long


def test_the_top_of_the_repository_holds_only_what_belongs_there():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    entries = {path.partition("/")[0] for path in done.stdout.splitlines()}
    allowed = {"dlplug", "plugins", "envs", "findings", "tests", "pyproject.toml", "README.md", "LICENSE"}
    assert {entry for entry in entries if not entry.startswith(".")} == allowed
