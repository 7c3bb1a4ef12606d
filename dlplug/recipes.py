"""A recipe names a data, a model, a loss and a trainer. Plain values only: listing recipes imports no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from dlplug.claims.intervals import Interval

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

    metric: the key in result.json, such as "test/accuracy". at_least or at_most: the bar; an infinite bar claims
    nothing: it only says whether higher or lower is better, for a number that `dlplug verify` records.
    protocol: how the number is measured (split, episodes, samples). source: the paper or page that states it.
    where: option values that the claim is about, {"data.game": "pong"}.
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
        """Whether the claim is about runs with this configuration."""
        return all(config.get(key) == value for key, value in self.where.items())

    def reached(self, value: float) -> bool | None:
        """None where nothing is claimed."""
        if not self.stated:
            return None
        return value >= self.bar if self.higher else value <= self.bar

    def state(self, interval: Interval) -> State | None:
        """The verdict over several seeds: "reached" where the worse end of their interval reaches the bar, "mean only"
        where only the mean does (the best that one seed can get); None where nothing is claimed."""
        if not self.stated:
            return None
        if self.reached(interval.low if self.higher else interval.high):
            return "reached"
        return "mean only" if self.reached(interval.mean) else "not reached"

    def __str__(self) -> str:
        better = "higher" if self.higher else "lower"
        bound = f" {'≥' if self.higher else '≤'} {self.bar:g}" if self.stated else f", {better} is better"
        return f"{self.metric}{bound} ({self.protocol})"

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
    """Named values for a recipe's options, flat as on the command line: {"data.size": 42, "loss": "c51"}.

    minutes: approximate training time on a CPU with these options; 0 is unknown.
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
    metrics: the registered metrics of the product.
    evaluation: options for `eval` and `verify` that would make the evaluations during training too slow:
        {"metrics.attack.restarts": 10}, or {"model.slots": 256} for a model whose weights fit any number of slots.
        Options on `eval`'s command line override them.
    samplers: the registered samplers of the product; `dlplug sample` runs the first by default.
    presets: without `--preset` the device chooses between those named `cpu` and `gpu`.
    watch: the two or three numbers worth a place on the progress line.
    needs: what must be downloaded or run first ("MNIST, 12 MB"); "" for recipes that need nothing.
    level: difficulty, by which lists are sorted: 1 a first lecture, 2 a first example of its field, 3 a method of the
        field, 4 a paper's whole experiment. Recipes of one level keep their order of registration.
    minutes: approximate training time on a CPU, for lists, until a record of `verify` has it; 0 is unknown.
    bf16: the measured gain from bf16 by type of device, {"cpu": "1.6 times the images per second"}; `--precision auto`
        uses bf16 on these, where the device computes it.
    compile_from: from which length on compilation wins back the time that it takes, as measured, by type of device:
        {"cpu": "20k sequences"}; `--compile auto` compiles these runs.
    formerly: the recipe's name in older run folders, where another recipe with another trainer has that name now.
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
    bf16: Mapping[str, str] = field(default_factory=dict)
    compile_from: Mapping[str, str] = field(default_factory=dict)
    formerly: str = ""


def claims(recipe: Recipe, preset: str) -> list[Target]:
    """All targets of a recipe under a preset: the preset's own, or else the recipe's."""
    return list((recipe.presets[preset].targets if preset in recipe.presets else ()) or recipe.targets)


def chosen_by_device(recipe: Recipe) -> bool:
    """Whether the device chooses between the presets `cpu` and `gpu`, where no preset is named."""
    return {"cpu", "gpu"} <= recipe.presets.keys()


def needs_gpu(recipe: Recipe) -> bool:
    """Whether the recipe is meant for a GPU: it has a preset `gpu`, and no preset `cpu` with a target."""
    on_cpu = recipe.presets["cpu"].targets if "cpu" in recipe.presets else ()
    return "gpu" in recipe.presets and not any(target.stated for target in on_cpu)


def as_use(value: Use | str) -> Use:
    return Use(value) if isinstance(value, str) else value
