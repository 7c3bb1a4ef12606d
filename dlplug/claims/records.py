"""What `dlplug verify` has recorded of recipes: results/<recipe>.json, beside the pyproject.toml of their plugins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dlplug.errors import UserError
from dlplug.host.plugins import Host

UNFINISHED = " (unfinished)"


def records(host: Host, recipe: str) -> dict[str, dict[str, Any]]:
    """The records of a recipe, by preset and change; an unfinished one only where no other is.

    Raises UserError for a damaged file, and for a plugin without its source.
    """
    entries = read_entries(results_folder(host, recipe) / f"{recipe}.json")
    return {
        name: record for name, record in entries.items() if name.removesuffix(UNFINISHED) not in {*entries} - {name}
    }


def read_entries(path: Path) -> dict[str, dict[str, Any]]:
    """All records of a file; {} where there is none. Raises UserError for a damaged one."""
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}; move it away, or mend it") from None


def results_folder(host: Host, recipe: str) -> Path:
    """results/ beside the plugin's pyproject.toml. Raises UserError for a plugin without its source."""
    plugin = host.get("recipes", recipe).plugin
    project = project_of(plugin.module)
    if project is None:
        raise UserError(f"the plugin {plugin} is installed without its project's folder, so it has no results/ here")
    return project / "results"


def project_of(module: Any) -> Path | None:
    """The folder of the pyproject.toml that a plugin's module, or the core's, belongs to; None without its source."""
    origin = getattr(module, "__file__", None)
    near = 3 if hasattr(module, "__path__") else 1  # a package may lie in src/; a file's own project is beside it
    for parent in list(Path(origin).resolve().parents)[:near] if origin else ():
        if (parent / "pyproject.toml").is_file():
            return parent
    return None
