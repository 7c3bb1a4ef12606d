"""Finds a run folder and reads its configuration, and a plugin's own folder, without importing torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dlplug.errors import UserError
from dlplug.options import Config
from dlplug.plugins import Host


def find_run(name: str) -> Path:
    """A run folder, or a recipe's newest run below runs/. Raises UserError where there is none."""
    folder = Path(name)
    if not (folder / "config.yaml").is_file() and (Path("runs") / name).is_dir():
        runs = sorted(p.parent for p in (Path("runs") / name).glob("*/config.yaml"))
        folder = runs[-1] if runs else folder
    if not (folder / "config.yaml").is_file():
        raise UserError(f"{name} is neither a run folder (with a config.yaml) nor a recipe that has been run here")
    return folder


def read_config(folder: Path) -> Config:
    """What a run was run with: its resolved configuration, flat. Raises UserError where the file is damaged."""
    try:
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise damaged(folder, error) from None
    if not isinstance(config, dict) or not {"recipe", "preset", "seed"} <= config.keys():
        raise damaged(folder, "expected option: value lines, with recipe, preset and seed among them")
    return config


def damaged(folder: Path, why: object) -> UserError:
    return UserError(f"{folder}/config.yaml is damaged: {' '.join(str(why).split())}")


def results_folder(host: Host, recipe: str) -> Path:
    """results/ beside the plugin's pyproject.toml, or below the current folder for a plugin without its source."""
    return (project_of(host.get("recipes", recipe).plugin.module) or Path()) / "results"


def project_of(module: Any) -> Path | None:
    """The folder of the pyproject.toml that a plugin's module, or the core's, belongs to; None without its source."""
    origin = getattr(module, "__file__", None)
    near = 3 if hasattr(module, "__path__") else 1  # a package may lie in src/; a file's own project is beside it
    for parent in list(Path(origin).resolve().parents)[:near] if origin else ():
        if (parent / "pyproject.toml").is_file():
            return parent
    return None
