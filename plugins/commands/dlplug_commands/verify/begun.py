"""The run of a seed that was stopped before its end, with which `dlplug verify --resume` goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlplug.host.plugins import Host
from dlplug.json_values import strict
from dlplug.options.reading import Config
from dlplug.runs.environment import environment
from dlplug.runs.reader import read_brief, runs_below
from dlplug.runs.records import plain


def begun(host: Host, recipe: str, config: Config, seed: int) -> Path | None:
    """The newest unfinished run below runs/ that has a checkpoint and learns the same: by the same options (but for
    those of observers), the same commit and the same versions of plugins."""
    folder = Path("runs") / recipe
    wanted, here = compared(host, config | {"seed": seed}), versions(environment(host))
    for path in sorted(runs_below(folder) if folder.is_dir() else [], reverse=True):
        saved = read_brief(path)
        alike = compared(host, saved.config) == wanted and versions(saved.environment) == here
        if alike and saved.status in ("interrupted", "killed") and any(path.glob("checkpoints/last-*")):
            return path
    return None


def compared(host: Host, config: Config) -> dict[str, Any]:
    """The options that decide what is learnt, as they are saved."""
    watching = {"recipe", "preset", *host.names("observers")}
    return strict(plain({key: value for key, value in config.items() if key.partition(".")[0] not in watching}))


def versions(ran_on: dict[str, Any]) -> tuple[Any, Any]:
    return ran_on.get("commit"), ran_on.get("plugins")
