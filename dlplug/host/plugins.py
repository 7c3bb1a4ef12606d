"""The plugin host: finds plugins by entry points, isolates the broken ones, merges what they register."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution, entry_points
from pathlib import Path
from typing import Any, TypeVar

import pluggy

from dlplug.errors import UserError, nearest, one_line
from dlplug.exercises import Exercise
from dlplug.host import builtin, hookspecs, unregistered
from dlplug.host.plugin import OWN, Plugin
from dlplug.host.signatures import Signature, imported, read_signature
from dlplug.host.typeable import check_typeable
from dlplug.output import command
from dlplug.recipes import Recipe

Named = TypeVar("Named", Recipe, Exercise)

GROUP = "dlplug"
KINDS = (
    "recipes", "data", "models", "losses", "optimizers", "trainers", "metrics", "samplers", "observers", "launchers",
    "exercises", "commands",
)  # fmt: skip
HOOKS = [name for name, value in vars(hookspecs).items() if hasattr(value, f"{GROUP}_spec")]
UNMISTAKABLE = {*HOOKS} - {"train", "logged"}  # which a module may call something of its own
SINGULAR = {"recipes": "recipe", "models": "model", "losses": "loss"}


@dataclass(frozen=True)
class Entry:
    """A registered name, or that of what was passed to `dlplug.run` itself, whose plugin is OWN.

    target: the object or a lazy reference, imported by `load`.
    """

    kind: str
    name: str
    target: Any
    plugin: Plugin

    def load(self) -> Any:
        """Raises UserError where the reference leads nowhere."""
        with self._blamed():
            loaded = imported(self.target)
        return unregistered.factory(self.kind, loaded) if self.plugin is OWN else loaded

    def signature(self) -> Signature:
        """Its options, read without importing it where the source is plain. Raises UserError as `load` does."""
        with self._blamed():
            signature = read_signature(self.target)
            check_typeable(signature)
        return signature

    @contextlib.contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except (Exception, SystemExit) as error:
            what = f"{_singular(self.kind)} {self.name!r} of {self.plugin} does not load from {self.target!r}"
            raise UserError(f"{what}: {one_line(error)}") from error


class Host:
    """The plugins of one run or one test. Built by `load_host`; there is no global one. options: what `-p` gave."""

    def __init__(
        self, manager: pluggy.PluginManager, plugins: Sequence[Plugin], strict: bool, options: Sequence[str] = ()
    ) -> None:
        self.manager, self.plugins, self.strict, self.options = manager, list(plugins), strict, list(options)
        self.hook = manager.hook
        self.clashes: dict[tuple[str, str], str] = {}
        self.unusable: dict[tuple[str, str], str] = {}
        self._entries: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
        for plugin in self.plugins:
            if plugin.module is not None and not plugin.error:
                self._merge(plugin)

    def _merge(self, plugin: Plugin) -> None:
        try:
            found = {kind: _registered(self.manager, plugin, kind) for kind in KINDS}
        except (Exception, SystemExit) as error:
            self.manager.unregister(plugin.module)
            plugin.error = one_line(error)
            if self.strict:
                raise UserError(_broken(plugin)) from error
            return
        for kind, names in found.items():
            plugin.provides[kind] = sorted(names)
            for name, target in names.items():
                other = self._entries[kind].setdefault(name, Entry(kind, name, target, plugin)).plugin
                if other is plugin:
                    continue
                self.clashes[kind, name] = (
                    f"{_singular(kind)} {name!r} is registered by both {other} and {plugin}:"
                    f" leave one out with -p no:{other.name} or -p no:{plugin.name}"
                )
                if self.strict:
                    raise UserError(self.clashes[kind, name])

    def files(self) -> list[str]:
        """The whole paths of the files that `-p` gave."""
        return [str(Path(option).resolve()) for option in self.options if not option.startswith("no:")]

    def names(self, kind: str) -> list[str]:
        return sorted(self._entries[kind])

    def registered(self, kind: str) -> list[Entry]:
        """The entries in the order in which the plugins, and each of them its own, registered them."""
        return list(self._entries[kind].values())

    def entries(self, kind: str) -> list[Entry]:
        return [self._entries[kind][name] for name in self.names(kind)]

    def usable(self, kind: str) -> list[Entry]:
        """The entries whose options can be read. Why the others cannot be used is kept in `unusable`; under
        DLPLUG_STRICT it is raised."""
        usable = []
        for entry in self.entries(kind):
            try:
                entry.signature()
                usable.append(entry)
            except UserError as error:
                if self.strict:
                    raise
                self.unusable[kind, entry.name] = str(error)
        return usable

    def get(self, kind: str, name: str) -> Entry:
        """Raises UserError where the name is unknown, clashes, or may belong to a broken plugin."""
        if (kind, name) in self.clashes:
            raise UserError(self.clashes[kind, name])
        if name in self._entries[kind]:
            return self._entries[kind][name]
        if ":" in name:
            return Entry(kind, name, unregistered.imported(_singular(kind), name), OWN)
        broken = "".join(f" ({_broken(p)})" for p in self.plugins if p.error)
        listed = command("list", *([] if kind == "recipes" else [kind]))
        hint = nearest(name, self.names(kind)) or f" They are listed by `{listed}`."
        raise UserError(f"unknown {_singular(kind)} {name!r}.{hint}{broken}")

    def recipe(self, name: str) -> Recipe:
        return self._loaded("recipes", name, Recipe)

    def exercise(self, name: str) -> Exercise:
        return self._loaded("exercises", name, Exercise)

    def _loaded(self, kind: str, name: str, expected: type[Named]) -> Named:
        entry = self.get(kind, name)
        loaded = entry.load()
        if isinstance(loaded, expected):
            return loaded
        what = f"{_singular(kind)} {name!r} of {entry.plugin}"
        raise UserError(f"{what} is not a {expected.__name__} but a {type(loaded).__name__}")

    def register(self, kind: str, name: str, value: Any) -> str:
        """Knows a class or function by the name "module:qualname". Raises UserError where another has that name."""
        other = self._entries[kind].get(name)
        if other is not None and other.target is not value and ("<" in name or other.plugin is not OWN):
            raise UserError(f"two different {kind} have the name {name}: define each under its own name")
        self._entries[kind][name] = Entry(kind, name, value, OWN)
        return name

    def problems(self) -> list[str]:
        """One line for each plugin that is broken and each name that clashes."""
        return [_broken(plugin) for plugin in self.plugins if plugin.error] + list(self.clashes.values())


def load_host(options: Iterable[str] = (), environ: Mapping[str, str] | None = None) -> Host:
    """Builds a host. options: what `-p` gave, each `no:NAME` (leave out) or the path of a Python file.
    environ: DLPLUG_PLUGINS=a,b allows only those installed plugins; DLPLUG_STRICT=1 makes any problem an error. By
        default the process's own.
    """
    environ = os.environ if environ is None else environ
    options = list(options)
    blocked = {option.removeprefix("no:") for option in options if option.startswith("no:")}
    files = [option for option in options if not option.startswith("no:")]
    allowed = environ.get("DLPLUG_PLUGINS")
    strict = environ.get("DLPLUG_STRICT", "") not in ("", "0")
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    found = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    names = {point.name for point in found}
    wanted = names if allowed is None else {name.strip() for name in allowed.split(",") if name.strip()}
    for source, unknown in (("-p no:", blocked - names), ("DLPLUG_PLUGINS", wanted - names - {"core"})):
        for name in sorted(unknown):
            raise UserError(f"{source} names {name!r}, which is not an installed plugin.{nearest(name, names)}")
    plugins = [Plugin("core", "built in", distribution("dlplug"), module=builtin)]
    manager.register(builtin, "core")
    for point in found:
        origin = point.value if point.dist is None else f"entry point {point.value}"
        plugin = Plugin(point.name, origin, point.dist, title=point.value)
        plugins.append(plugin)
        if point.name in wanted and point.name not in blocked:
            _load(manager, plugin, point.load, strict)
    for path in files:
        if source_of(path) is None:
            raise UserError(f"-p {path}: no Python file and no package; expected no:NAME, FILE.py or a folder with"
                " __init__.py")  # fmt: skip
        plugin = Plugin(Path(path).resolve().stem, str(Path(path).resolve()), title=path)
        plugins.append(plugin)
        _load(manager, plugin, functools.partial(_from_file, path), strict)
    return Host(manager, plugins, strict, options)


def _load(manager: pluggy.PluginManager, plugin: Plugin, load: Any, strict: bool) -> None:
    """Imports and registers one plugin; whatever goes wrong stays with that plugin."""
    started = time.perf_counter()
    try:
        module = load()
        try:
            manager.register(module, plugin.name)
            manager.check_pending()
            _check_marked(manager, module)
        except (pluggy.PluginValidationError, TypeError):
            if manager.is_registered(module):
                manager.unregister(module)
            raise
        plugin.module = module
    except (Exception, SystemExit) as error:
        plugin.error = one_line(error)
        if unknown := re.search(r"unknown hook '(\w+)'", plugin.error):
            plugin.error += nearest(unknown[1], HOOKS)
        if strict:
            raise UserError(_broken(plugin)) from error
    plugin.seconds = time.perf_counter() - started


def _check_marked(manager: pluggy.PluginManager, module: Any) -> None:
    """Raises TypeError for a function with a hook's name and without `@hookimpl`, which nothing would ever call."""
    marked = {caller.name for caller in manager.get_hookcallers(module) or ()}
    for name in sorted(UNMISTAKABLE - marked):
        if callable(getattr(module, name, None)):
            raise TypeError(f"{name} is a hook, but is not marked as one: write @hookimpl above it")


def source_of(path: str) -> Path | None:
    """The Python file that `-p PATH` loads: PATH itself, or the `__init__.py` of a package in a folder."""
    source = Path(path) / "__init__.py" if Path(path).is_dir() else Path(path)
    return source if source.suffix == ".py" and source.is_file() else None


def _from_file(path: str) -> Any:
    source = source_of(path)
    name = f"dlplug_file_{Path(path).resolve().stem}"
    spec = importlib.util.spec_from_file_location(name, source)  # of an __init__.py, a package: it may import its own
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _registered(manager: pluggy.PluginManager, plugin: Plugin, kind: str) -> dict[str, Any]:
    """What one plugin's hook returned, with a lazy reference to a whole mapping followed."""
    caller = getattr(manager.hook, f"register_{kind}")
    names: dict[str, Any] = {}
    for implementation in caller.get_hookimpls():
        if implementation.plugin is plugin.module:
            registered = implementation.function()
            if isinstance(registered, str):
                registered = Entry(kind, "", registered, plugin).load()
            if not isinstance(registered, Mapping) or not all(isinstance(name, str) for name in registered):
                raise TypeError(f"register_{kind} must return a mapping from names, got {registered!r}")
            names.update(registered)
    return names


def _singular(kind: str) -> str:
    return SINGULAR.get(kind, kind.removesuffix("s"))


def _broken(plugin: Plugin) -> str:
    return f"plugin {plugin.name} ({plugin}) is broken: {plugin.error}"
