"""dlplug: one command for every topic of a deep-learning course, on one fast PyTorch trainer, extended by plugins.

Names are imported when they are first used: `import dlplug` alone imports no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlplug.cli.parser import CommandParser, parsed_by
    from dlplug.contracts import Data, Labelled, Loss, Spec, Stateful, Update, minimise
    from dlplug.downloads import Remote, data_folder, fetched
    from dlplug.errors import UserError, nearest
    from dlplug.exercises import Exercise
    from dlplug.host.hookspecs import hookimpl
    from dlplug.host.protocols import Launcher, Metric, Sampler, Trainer
    from dlplug.media import Audio, Image, Media, Plot, Table, Text, Video
    from dlplug.ranges import (
        Device,
        Fraction,
        NonNegativeFloat,
        NonNegativeInt,
        PositiveFloat,
        PositiveInt,
        ProperFraction,
        Range,
    )
    from dlplug.recipes import Preset, Recipe, Target, Use, use
    from dlplug.runs.run import Run
    from dlplug.runs.runner import evaluate, resume, run
    from dlplug.runs.samples import sample
    from dlplug.runs.trained import Trained, trained
    from dlplug.sampling import Order, to_device
    from dlplug.training.copies import Lagged, Pool
    from dlplug.training.counters import Progress, Turn
    from dlplug.training.loop import fit
    from dlplug.training.measuring import checked_by, neutral_options
    from dlplug.training.optimizers import needs_closure
    from dlplug.training.precision import acting

_HOMES = {
    "cli.parser": ("CommandParser", "parsed_by"),
    "contracts": ("Data", "Labelled", "Loss", "Spec", "Stateful", "Update", "minimise"),
    "training.copies": ("Lagged", "Pool"),
    "training.counters": ("Progress", "Turn"),
    "downloads": ("Remote", "data_folder", "fetched"),
    "errors": ("UserError", "nearest"),
    "exercises": ("Exercise",),
    "host.hookspecs": ("hookimpl",),
    "training.loop": ("fit",),
    "training.measuring": ("checked_by", "neutral_options"),
    "training.optimizers": ("needs_closure",),
    "media": ("Audio", "Image", "Media", "Plot", "Table", "Text", "Video"),
    "training.precision": ("acting",),
    "ranges": (
        "Device",
        "Fraction",
        "NonNegativeFloat",
        "NonNegativeInt",
        "PositiveFloat",
        "PositiveInt",
        "ProperFraction",
        "Range",
    ),
    "host.protocols": ("Launcher", "Metric", "Sampler", "Trainer"),
    "recipes": ("Preset", "Recipe", "Target", "Use", "use"),
    "runs.run": ("Run",),
    "runs.runner": ("evaluate", "resume", "run"),
    "runs.samples": ("sample",),
    "sampling": ("Order", "to_device"),
    "runs.trained": ("Trained", "trained"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Audio",
    "CommandParser",
    "Data",
    "Device",
    "Exercise",
    "Fraction",
    "Image",
    "Labelled",
    "Lagged",
    "Launcher",
    "Loss",
    "Media",
    "Metric",
    "NonNegativeFloat",
    "NonNegativeInt",
    "Order",
    "Plot",
    "Pool",
    "PositiveFloat",
    "PositiveInt",
    "Preset",
    "Progress",
    "ProperFraction",
    "Range",
    "Recipe",
    "Remote",
    "Run",
    "Sampler",
    "Spec",
    "Stateful",
    "Table",
    "Target",
    "Text",
    "Trained",
    "Trainer",
    "Turn",
    "Update",
    "Use",
    "UserError",
    "Video",
    "acting",
    "checked_by",
    "data_folder",
    "evaluate",
    "fetched",
    "fit",
    "hookimpl",
    "minimise",
    "nearest",
    "needs_closure",
    "neutral_options",
    "parsed_by",
    "resume",
    "run",
    "sample",
    "to_device",
    "trained",
    "use",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'dlplug' has no attribute {name!r}")
    value = getattr(import_module(f"dlplug.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
