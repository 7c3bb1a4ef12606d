"""The preset that a run on this machine takes, without importing torch where it can be known."""

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


def default_preset(device: str) -> str:
    """`gpu` where a run with `--device` would use a GPU, else `cpu`."""
    if device != "auto":
        return "cpu" if device.startswith("cpu") else "gpu"
    if not may_have_gpu():
        return "cpu"
    from dlplug.training.device import choose_device

    return "gpu" if choose_device("auto").type != "cpu" else "cpu"


def likely_preset(recipe: Recipe) -> str:
    """ "cpu" or "gpu" where the device chooses; else ""."""
    if not chosen_by_device(recipe):
        return ""
    return "gpu" if may_have_gpu() else "cpu"
