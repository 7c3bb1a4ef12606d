"""A recipe names a data, a model, a loss and a trainer. Plain values only: listing recipes imports no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from dlplug.intervals import Interval

State = Literal["reached", "mean only", "not reached"]


@dataclass(frozen=True, init=False)
class Use:
    """A registered name and the options that differ from its defaults: `use("atari", game="pong")`."""

    name: str
    options: Mapping[str, Any]

    def __init__(self, name: str, /, **options: Any) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "options", options)


use = Use


@dataclass(frozen=True)
class Target:
    """A published number that a recipe claims to reach.

    metric: the key in result.json, such as "test/accuracy". at_least or at_most: the bar; an infinite one claims
    nothing, and says which way is better of a number that `dlplug verify` is to record and others are compared with.
    protocol: what the number means (split, episodes, samples). source: the paper or page that states it.
    where: options that must be so for the claim to hold, {"data.game": "pong"}.
    """

    metric: str
    protocol: str
    source: str = ""
    at_least: float | None = None
    at_most: float | None = None
    where: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"the target for {self.metric} needs one of at_least and at_most")

    def stands(self, config: Mapping[str, Any]) -> bool:
        """Whether the claim is about a run of this configuration."""
        return all(config.get(key) == value for key, value in self.where.items())

    def reached(self, value: float) -> bool | None:
        """None where nothing is claimed."""
        if not self.stated:
            return None
        return value >= self.bar if self.higher else value <= self.bar

    def state(self, interval: Interval) -> State | None:
        """What several seeds say: "reached" where the worse end of their interval reaches the bar, "mean only" where
        just the mean does, as it is at best with one seed; None where nothing is claimed."""
        if not self.stated:
            return None
        if self.reached(interval.low if self.higher else interval.high):
            return "reached"
        return "mean only" if self.reached(interval.mean) else "not reached"

    def __str__(self) -> str:
        way = "higher" if self.higher else "lower"
        said = f" {'≥' if self.higher else '≤'} {self.bar:g}" if self.stated else f", {way} is better"
        return f"{self.metric}{said} ({self.protocol})"

    @property
    def stated(self) -> bool:
        """Whether anything is claimed."""
        return math.isfinite(self.bar)

    @property
    def higher(self) -> bool:
        """Whether higher is better."""
        return self.at_least is not None

    @property
    def bar(self) -> float:
        return self.at_least if self.at_least is not None else (self.at_most or 0.0)


@dataclass(frozen=True)
class Preset:
    """A named set of a recipe's options, flat as on the command line: {"data.size": 42, "loss": "c51"}.

    minutes: as a recipe's, under these options.
    """

    summary: str
    options: Mapping[str, Any]
    targets: Sequence[Target] = ()
    minutes: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """A named, complete experiment.

    length: an amount and its unit, "20k steps" or "10M frames" (the data's own unit).
    optimizer: one for the whole model, or one for each part of the loss.
    metrics: the registered metrics that measure the product.
    evaluation: options by which `eval` and `verify` measure, where training's own measurements are to cost less:
        {"metrics.attack.restarts": 10}, or {"model.slots": 256} of a model whose weights fit any number of them. What
        is given to `eval` comes before them.
    samplers: the registered samplers that show what it does; `dlplug sample` takes the first.
    presets: without `--preset` the device chooses between those named `cpu` and `gpu`.
    watch: the two or three numbers worth a place on the progress line.
    needs: what must be downloaded or run first ("MNIST, 12 MB"); "" for recipes that need nothing.
    level: where it stands in a course, for lists, which begin with the lowest: 1 a first lecture, 2 a first example of
        its field, 3 a method of the field, 4 a paper's whole experiment. Of equals, the order is that of registering.
    minutes: about how long it trains on a CPU, for lists, where no record of `verify` says it; 0 is unknown.
    """

    summary: str
    data: Use | str
    length: str
    source: str
    model: Use | str = ""
    loss: Use | str = ""
    optimizer: Use | str | Mapping[str, Use | str] = ""
    metrics: Sequence[Use | str] = ()
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    samplers: Sequence[Use | str] = ()
    trainer: Use | str = "torch"
    targets: Sequence[Target] = ()
    presets: Mapping[str, Preset] = field(default_factory=dict)
    watch: Sequence[str] = ()
    needs: str = ""
    level: int = 3
    minutes: float = 0.0


def claims(recipe: Recipe, preset: str) -> list[Target]:
    """Every target of a recipe under a preset: the preset's own, or else the recipe's."""
    return list((recipe.presets[preset].targets if preset in recipe.presets else ()) or recipe.targets)


def chosen_by_device(recipe: Recipe) -> bool:
    """Whether the device chooses between the presets `cpu` and `gpu`, where no preset is named."""
    return {"cpu", "gpu"} <= recipe.presets.keys()


def needs_gpu(recipe: Recipe) -> bool:
    """Whether a CPU is too slow for what it is about: there is a preset for a GPU, and none for a CPU with a target."""
    on_cpu = recipe.presets["cpu"].targets if "cpu" in recipe.presets else ()
    return "gpu" in recipe.presets and not any(target.stated for target in on_cpu)


def as_use(value: Use | str) -> Use:
    return Use(value) if isinstance(value, str) else value
