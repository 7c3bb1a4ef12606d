"""The preset that a run on this machine probably takes, without importing torch."""

from __future__ import annotations

import sys
from pathlib import Path

from dlplug.recipes import Recipe, chosen_by_device


def may_have_gpu() -> bool:
    """Whether a GPU is possible, so that importing torch to ask is worth it: a driver's device file exists, or the
    system is not Linux."""
    if sys.platform == "linux":
        return any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd"))
    return True


def likely_preset(recipe: Recipe) -> str:
    """ "cpu" or "gpu" where the device chooses; else ""."""
    if not chosen_by_device(recipe):
        return ""
    return "gpu" if may_have_gpu() else "cpu"
