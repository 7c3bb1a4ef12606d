"""What a run ran on: versions, device, commit; written beside it and shown by `doctor`."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from dlplug.host.plugins import Host
from dlplug.host.startup import lasting
from dlplug.output import called
from dlplug.training.device_hint import may_have_gpu

LIBRARIES = (
    "torch",
    "torchvision",
    "numpy",
    "gymnasium",
    "ale-py",
    "stable-baselines3",
    "wandb",
    "pluggy",
    "safetensors",
)


def environment(host: Host) -> dict[str, Any]:
    """What environment.json holds, but for the date."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "gpus": gpus(),
        "libraries": {name: version for name in LIBRARIES if (version := version_of(name))},
        "plugins": {str(plugin.name): plugin.version for plugin in host.plugins if plugin.state == "works"},
        "commit": commit(),
        "command": called(),
    }


def processor() -> str:
    """The CPU's name and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"


def gpus() -> list[str]:
    if "torch" not in sys.modules and not may_have_gpu():
        return []
    with lasting():
        import torch
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


@functools.cache  # what is imported stays, whatever is committed later
def commit() -> str:
    """The git commit of dlplug's own source, with + where files differ from it; "" for an installed wheel.

    Records of results do not count: each seed that a verify records would mark the next.
    """
    try:
        if not _git("ls-files", Path(__file__).name):  # a wheel in an environment below somebody's repository
            return ""
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)plugins/*/results/*")
        return _git("rev-parse", "--short=12", "HEAD") + "+" * bool(changed)
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(*arguments: str) -> str:
    call = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(call, capture_output=True, text=True, timeout=5, check=True).stdout.strip()


@functools.cache
def version_of(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
