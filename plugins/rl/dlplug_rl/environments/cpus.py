"""The number of processors that this process may use: a container may be limited to a few of the machine's."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def usable_cpus(
    groups: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup"), allowed: int | None = None
) -> int:
    """The size of the scheduler's affinity mask, limited by the strictest control group above this process.

    groups: where control groups are mounted. membership: the file that lists this process's control groups.
    allowed: the size of the affinity mask; None asks the system.
    """
    if allowed is None:
        allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, *(math.ceil(quota) for quota in _quotas(groups, membership)), allowed))


def _quotas(groups: Path, membership: Path) -> Iterator[float]:
    """The processor quota of this process's group and of each group above it, in both versions of control groups."""
    for folder in _folders(groups, membership, ""):
        words = _read(folder / "cpu.max").split()
        if len(words) == 2 and words[0] != "max":
            yield int(words[0]) / int(words[1])
    for folder in _folders(groups / "cpu", membership, "cpu"):
        quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
        if quota and period and int(quota) > 0:
            yield int(quota) / int(period)


def _folders(root: Path, membership: Path, controller: str) -> list[Path]:
    """This process's group and those above it. The root is always included: in a container it is often the only
    visible one."""
    lines = [line.split(":", 2) for line in _read(membership).splitlines()]
    paths = [Path(words[2].lstrip("/")) for words in lines if len(words) == 3 and controller in words[1].split(",")]
    return [root, *(root / folder for path in paths for folder in (path, *path.parents) if folder != Path())]


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
