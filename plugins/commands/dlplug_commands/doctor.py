"""`dlplug doctor`: checks this machine and the plugins, with advice on what does not work."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement

from dlplug import CommandParser, UserError, data_folder, parsed_by
from dlplug.errors import one_line
from dlplug.host.plugin import Plugin
from dlplug.host.plugins import KINDS, Host
from dlplug.output import print_result
from dlplug.runs.environment import LIBRARIES, processor, version_of

Finding = dict[str, Any]

MOST_FAULTS = 3  # printed per plugin


def doctor_parser() -> CommandParser:
    parser = CommandParser("dlplug doctor", description="Checks this machine, with advice on what does not work.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


@parsed_by(doctor_parser)
def doctor_command(flags: Any, host: Host) -> int:
    """Checks this machine, with advice on what does not work."""
    findings = examine(host)
    print_result(findings, flags.json, lambda: print_findings(findings))
    return 0 if all(finding["works"] for finding in findings) else 1


def examine(host: Host) -> list[Finding]:
    """Findings with `name`, `works`, `says` and `advice` ("" where there is nothing to do). Each plugin has one
    finding, which lists all of its faults."""
    faults, diagnoses = _references(host), list[Finding]()
    for implementation in host.hook.diagnose.get_hookimpls():
        diagnose: Callable[[], Any] = implementation.function
        try:
            diagnoses += [_finding("", True, "", "") | dict(finding) for finding in diagnose()]
        except Exception as error:
            faults[implementation.plugin_name].append(f"its diagnosis failed: {one_line(error)}")
    findings = [_python(), *_torch(), _compiler(), _data()]
    findings += [_plugin(plugin, _requirements(plugin) + faults[plugin.name]) for plugin in host.plugins]
    findings += [_finding("clash", False, line, "") for line in host.clashes.values()]
    return findings + diagnoses


def _references(host: Host) -> defaultdict[str, list[str]]:
    """For each plugin, an error message for each of its registered names that does not load."""
    faults = defaultdict[str, list[str]](list)
    for entry in (entry for kind in KINDS for entry in host.entries(kind)):
        try:
            host.recipe(entry.name) if entry.kind == "recipes" else entry.load()
        except UserError as error:
            faults[entry.plugin.name].append(str(error))
    return faults


def _requirements(plugin: Plugin) -> list[str]:
    """Unmet requirements of a plugin's distribution, which might otherwise show only in the middle of a run."""
    try:
        required = metadata.requires(plugin.distribution) or ()
    except metadata.PackageNotFoundError:  # a plugin file, loaded by -p
        return []
    faults = []
    for requirement in map(Requirement, required):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = version_of(requirement.name)
        if not requirement.specifier.contains(version or "0", prereleases=True) or not version:
            faults.append(f"it requires {requirement}, and {version or 'none'} is installed")
    return faults


def print_findings(findings: Sequence[Mapping[str, Any]]) -> None:
    for finding in findings:
        print(f"{'ok  ' if finding['works'] else 'FAIL'}  {finding['name']}: {finding['says']}")
        if finding["advice"]:
            print(f"      -> {finding['advice']}")


def _python() -> Finding:
    versions = ", ".join(f"{name} {version}" for name in LIBRARIES if (version := version_of(name)))
    works = sys.version_info >= (3, 11)
    return _finding(
        "python", works, f"{platform.python_version()}; {versions}", "" if works else "use Python 3.11 or newer"
    )


def _torch() -> list[Finding]:
    try:
        import torch
    except Exception as error:
        advice = "reinstall it: pip install --force-reinstall torch"
        return [_finding("torch", False, f"does not import: {one_line(error)}", advice)]
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        bf16 = torch.cuda.is_bf16_supported()
        says = "bf16 is supported" if bf16 else "bf16 is not supported by this GPU"
        return [
            _finding("device", True, f"cuda: {', '.join(names)}; CUDA {torch.version.cuda}", ""),
            _finding("precision", True, f"fp32 with TF32; {says}", "" if bf16 else "keep --precision fp32"),
        ]
    if torch.backends.mps.is_available():
        return [_finding("device", True, "mps: Apple's GPU; --graph does not apply", "")]
    from dlplug.training.device import computes_bf16
    from dlplug.training.device_hint import may_have_gpu

    bf16 = "computes bf16 too" if computes_bf16(torch.device("cpu")) else "only emulates bf16, which is slower"
    advice = "a GPU driver is installed but torch finds no GPU: check nvidia-smi, and that torch is a CUDA build"
    return [
        _finding("device", not may_have_gpu(), f"cpu: {processor()}; threads of torch: {torch.get_num_threads()}",
                 advice if may_have_gpu() else ""),
        _finding("precision", True, f"fp32; this CPU {bf16}; --graph does not apply", ""),
    ]  # fmt: skip


def _compiler() -> Finding:
    from dlplug.training.device import cpp_compiler

    compiler = cpp_compiler()
    advice = "" if compiler else "install a C++ compiler (Debian: apt-get install g++), or leave --compile out"
    return _finding("--compile", compiler is not None, compiler or "no C++ compiler was found", advice)


def _data() -> Finding:
    try:
        folder = data_folder()
    except UserError as error:
        return _finding("data folder", False, str(error), "set DLPLUG_DATA to a folder that can be written")
    ancestor = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(ancestor).free / 1e9
    works = os.access(ancestor, os.W_OK)
    advice = (
        "" if works else "set DLPLUG_DATA to a folder that can be written; data sets that are already in it still work"
    )
    return _finding("data folder", works, f"{folder} ({free:.0f} GB free)", advice)


def _plugin(plugin: Plugin, faults: Sequence[str]) -> Finding:
    faults = [plugin.error, *faults] if plugin.error else faults
    if not faults:
        return _finding(f"plugin {plugin.name}", True, f"{plugin}, {plugin.state}", "")
    more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
    advice = f"update or reinstall {plugin.distribution}, or leave it out with -p no:{plugin.name}"
    return _finding(f"plugin {plugin.name}", False, "; ".join(faults[:MOST_FAULTS]) + more, advice)


def _finding(name: str, works: bool, says: str, advice: str) -> Finding:
    return {"name": name, "works": works, "says": says, "advice": advice}
