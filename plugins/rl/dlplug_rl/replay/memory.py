"""The memory available for a replay buffer, checked before it is allocated."""

from __future__ import annotations

import os
from pathlib import Path

import torch

HEADROOM = 0.9  # fraction of the free memory; the rest is for model, optimizer and emulator


def available(device: torch.device) -> int:
    """Free bytes on a device: a GPU's free memory, else the least of the machine's and the control groups' free
    memory."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    limits = [_machine(), *_control_groups(Path("/sys/fs/cgroup"))]
    return min((limit for limit in limits if limit is not None), default=2**63 - 1)


def _machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    table = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(table["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in table else None


def _control_groups(root: Path) -> list[int]:
    """The free bytes under the limits of this process's control groups (version 2, then version 1)."""
    second = [(folder / "memory.max", folder / "memory.current") for folder in _own_groups(root, "")]
    first = [
        (folder / "memory.limit_in_bytes", folder / "memory.usage_in_bytes")
        for folder in _own_groups(root / "memory", "memory")
    ]
    left = []
    for limit, used in (*second, *first):
        try:
            left.append(max(0, int(limit.read_text()) - int(used.read_text())))
        except (OSError, ValueError):  # no such file, or "max": no limit
            continue
    return left


def _own_groups(root: Path, controller: str) -> list[Path]:
    """The folders of this process's group and the groups above it; each may set a limit."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return [root]
    names = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    paths = [Path(path.lstrip("/")) for _, controllers, path in names if controller in controllers.split(",")]
    return [root / folder for path in paths for folder in (path, *path.parents)] or [root]
