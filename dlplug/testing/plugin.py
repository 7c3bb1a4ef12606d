"""The check of a whole plugin, through everything that it registers."""

from __future__ import annotations

import functools
import subprocess
import sys

from dlplug.host.plugin import Plugin
from dlplug.host.plugins import Host, load_host
from dlplug.host.signatures import inspected, read_signature
from dlplug.options.layers import resolve
from dlplug.recipes import as_use
from dlplug.runs.samples import sampler_of
from dlplug.testing.exercise import check_exercise
from dlplug.testing.options import check_options


def check_plugin(name: str, host: Host | None = None) -> None:
    """Checks that a plugin works, that listing it imports no torch, that every registered name loads, that the options
    read from its source equal those of the loaded objects, that each recipe and preset resolves, and that the check of
    each exercise accepts the plugin's own function."""
    host = host or load_host()
    plugin = next((p for p in host.plugins if p.name == name), None)
    assert plugin is not None, f"no plugin {name!r}; there are {[p.name for p in host.plugins]}"
    assert plugin.state == "works", f"plugin {name} is {plugin.state}: {plugin.error}"
    assert not host.clashes, "; ".join(host.clashes.values())
    check_imports_no_torch(plugin)
    for kind in plugin.provides:
        for entry in (e for e in host.entries(kind) if e.plugin is plugin):
            loaded = entry.load()
            if kind == "recipes":
                for preset in ("", *loaded.presets):
                    resolve(host, entry.name, [loaded.evaluation], preset, partly=True)
                for used in map(as_use, loaded.samplers):
                    known = {option.name for option in sampler_of(host, entry.name, used.name)[1]}
                    assert used.options.keys() <= known, f"{entry.name}: {used} has options that its sampler has not"
            elif kind == "exercises":
                check_exercise(entry.name, host=host)
            elif kind != "commands":
                read, real = read_signature(entry.target), inspected(loaded)
                assert read == real, f"{kind} {entry.name}: options read as {read}, but they are {real}"
                assert real.summary, f"{kind} {entry.name} has no docstring to list it by"
                check_options(f"{kind} {entry.name}", real.options)


def check_imports_no_torch(plugin: Plugin) -> None:
    """Checks that listing and help of an installed plugin import no torch (a plugin file loaded by -p may import
    it)."""
    if plugin.origin.startswith("entry point") and plugin.provides:
        _without_torch("for kind in KINDS: main(['list', kind])")
        names = plugin.provides.get("recipes", [])
        verbs = "main(['show', name]), main(['run', name, '--help']), main(['sample', name, '--help'])"
        _without_torch(f"for name in {names!r}: {verbs}")


@functools.cache
def _without_torch(code: str) -> None:
    """Runs code in a new process, once per code."""
    code = f"import sys; from dlplug.cli.main import main; from dlplug.host.plugins import KINDS\n{code}\n"
    code += "sys.exit('torch' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.returncode == 0, f"listing imports torch: {process.stderr[-500:]}"
