"""The parts that a configuration chooses, and the options that they have."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from dlplug.errors import UserError
from dlplug.host.plugins import Host
from dlplug.host.signatures import Option, read_signature
from dlplug.options.parsing import flag
from dlplug.ranges import NonNegativeInt, Seed
from dlplug.recipes import Recipe

KIND_OF = {"data": "data", "model": "models", "loss": "losses", "trainer": "trainers", "metrics": "metrics"}


def kind_of(key: str) -> str:
    return KIND_OF.get(key, "optimizers")


def choice_keys(recipe: Recipe) -> set[str]:
    """The options whose values name registered things."""
    if isinstance(recipe.optimizer, Mapping):
        return {*KIND_OF, *(f"optimizer.{part}" for part in recipe.optimizer)}
    return {*KIND_OF, "optimizer"}


def units_of(host: Host, choices: Mapping[str, Any]) -> set[str]:
    """What a length may be given in: steps, the data's own unit, and epochs where their examples have an end."""
    data = host.get("data", choices["data"]).signature()
    units = {"steps", data.unit or "steps"}
    if data.finite and "epochs" not in unprefixed(host, "trainer", choices.get("trainer", "torch")):
        units.add("epochs")
    return units


def schema(host: Host, choices: Mapping[str, Any]) -> list[Option]:
    """Every option that a run of the chosen parts has, in the order of the help."""
    units = sorted(units_of(host, choices))
    options = [Option(unit, NonNegativeInt, 0, f"how long to train, in {unit}") for unit in units]
    options.append(Option("seed", Seed, 0, "seed of all random number generators"))
    for key, name in choices.items():
        if key == "metrics":
            for metric in name:
                options += _below(f"metrics.{metric}.", host.get("metrics", metric).signature().options)
        elif name:
            kind = kind_of(key)
            options += _below("" if kind == "trainers" else f"{key}.", host.get(kind, name).signature().options)
            if kind == "optimizers":
                options += _below(f"{key}.", read_signature("dlplug.training.stepper:Stepper").options)
    for entry in host.usable("observers"):
        options += _below(f"{entry.name}.", entry.signature().options)
    return options


def check_closures(host: Host, choices: Mapping[str, Any]) -> None:
    """Raises UserError for an optimizer that evaluates the loss itself, and a loss that does not let it."""
    loss = choices["loss"]
    if not loss or host.get("losses", loss).signature().closures is not False:
        return
    for key, name in choices.items():
        if name and kind_of(key) == "optimizers" and host.get("optimizers", name).signature().closures:
            raise UserError(
                f"{flag(key)} {name} evaluates the loss several times a step, and the loss {loss} does not say that it"
                f" yields closures (`closures = True` in its class): choose another {flag(key)}"
            )


def unprefixed(host: Host, key: str, name: str) -> set[str]:
    """The options of a part that do not stand below its name: the trainer's, and the unit of the data."""
    if key == "trainer":
        return {option.name for option in host.get("trainers", name).signature().options}
    return units_of(host, {"data": name}) - {"steps"} if key == "data" else set()


def _below(prefix: str, options: Iterable[Option]) -> list[Option]:
    return [dataclasses.replace(option, name=prefix + option.name) for option in options]
