"""What another run has trained, for a model that starts from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor

from dlplug.errors import UserError
from dlplug.runs.runner import open_run
from dlplug.training import checkpoint

if TYPE_CHECKING:
    from dlplug.host.plugins import Host


class Trained(NamedTuple):
    """A run's model: the registered name and the options that it was built with, and its weights by their names."""

    folder: Path
    model: str
    options: Mapping[str, Any]
    weights: dict[str, Tensor]


def trained(name: str, *, host: Host | None = None) -> Trained:
    """The model of a run folder, or of a recipe's newest run: its best weights, or else its last. The run's data are
    not asked for. Raises UserError where there is no such run, or nothing in it to start from."""
    run = open_run(name, host=host)
    if not run.config["model"]:
        raise UserError(f"{run.folder} has no model of its own to start from: its trainer builds one")
    weights = checkpoint.read_weights(checkpoint.newest(run.folder / "checkpoints", "best", "last"))
    options = {key.removeprefix("model."): value for key, value in run.config.items() if key.startswith("model.")}
    return Trained(run.folder, run.config["model"], options, weights)
