"""Which of a recipe's targets a run is judged by: those that were stated for what it measures.

A target is about the recipe's own data and the way in which its metrics measure; learning rate, length, width, what
the class of the data calls `training_options` and what a metric calls its `neutral_options` may be others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlplug.host.plugins import Host
from dlplug.options.layers import recipe_config
from dlplug.options.parsing import flag
from dlplug.options.reading import Config
from dlplug.recipes import Target, claims


def standing(host: Host, config: Mapping[str, Any]) -> list[Target]:
    """The targets by which a number is judged that was measured under a configuration."""
    targets = claims(host.recipe(config["recipe"]), config["preset"])
    under = {repr(target.where): target for target in targets}  # one of those that are stated for the same options
    stated_for = {where: _stated_for(host, config, target) for where, target in under.items()}
    return [target for target in targets if not _changes(host, config, target, stated_for[repr(target.where)])]


def changes(host: Host, config: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """The options by which a configuration measures something else than a target is about; {} where it stands."""
    return _changes(host, config, target, _stated_for(host, config, target))


def _changes(host: Host, config: Mapping[str, Any], target: Target, reference: Config) -> dict[str, Any]:
    """reference: the configuration that the target is about."""
    config = {**{key: reference[key] for key in ("data", "metrics")}, **config}  # a damaged one may lack them
    if config["data"] != reference["data"]:
        return {"data": config["data"]}
    evaluation = host.recipe(config["recipe"]).evaluation

    def measures(key: str) -> bool:
        part, option = key.rsplit(".", 1)
        if part == "data":
            return option not in host.get("data", config["data"]).signature().neutral or key in evaluation
        if part.startswith("metrics."):
            return option not in host.get("metrics", part.removeprefix("metrics.")).signature().neutral
        return key in evaluation

    keys = {key for key in config.keys() & reference.keys() if "." in key and measures(key)} | target.where.keys()
    changed = {key: config.get(key) for key in sorted(keys) if not same_value(config.get(key), reference[key])}
    if not _measured_alike(config["metrics"], reference["metrics"]):
        changed["metrics"] = " ".join(config["metrics"]) or "none"
    return changed


def evaluated(host: Host, config: Mapping[str, Any], layer: Mapping[str, Any] | None = None) -> Config:
    """What `eval` overlays a configuration with: what the recipe says of the evaluation of the parts that are used, and
    above that a layer of the user's."""
    layer = layer or {}
    metrics = layer.get("metrics", config.get("metrics", ()))
    metrics = [metrics] if isinstance(metrics, str) else metrics

    def applies(option: str) -> bool:
        return option.split(".")[1] in metrics if option.startswith("metrics.") else option in config

    own = host.recipe(config["recipe"]).evaluation
    return {option: value for option, value in own.items() if applies(option)} | dict(layer)


def verdicts(targets: Sequence[Target], metrics: Mapping[str, Any]) -> list[str]:
    """A line for each target whose metric was measured."""
    lines = []
    for target in targets:
        if target.stated and target.metric in metrics:
            value = float("nan") if metrics[target.metric] is None else metrics[target.metric]
            state = "reached" if target.reached(value) else "not reached"
            bar = f"{'≥' if target.higher else '≤'} {target.bar:g}"
            lines.append(f"{target.metric} {value:.4g}: target {state} ({bar}; {target.protocol})")
    return lines


def none_stated_for(host: Host, config: Mapping[str, Any]) -> str:
    """The options for which the recipe's first target is not stated, as they are typed: "--data.id Acrobot-v1"."""
    stated = [target for target in claims(host.recipe(config["recipe"]), config["preset"]) if target.stated]
    return " ".join(f"{flag(key)} {value}" for key, value in changes(host, config, stated[0]).items()) if stated else ""


def _stated_for(host: Host, config: Mapping[str, Any], target: Target) -> Config:
    """The configuration that a target is about: of the preset that states it or else of the recipe, evaluated."""
    recipe, preset = config["recipe"], config["preset"]
    presets = host.recipe(recipe).presets
    stating = preset if preset in presets and presets[preset].targets else ""
    own = recipe_config(host, recipe, target.where, stating)
    return own | evaluated(host, own, target.where)


def _measured_alike(here: list[str], own: list[str]) -> bool:
    """More metrics than the recipe's own do no harm, and fewer measure less; others in their place are no measure."""
    return bool(here) and ({*own} <= {*here} or {*here} <= {*own})


def same_value(one: Any, other: Any) -> bool:
    """Equal as values, or as they are written down."""
    return one == other or _written(one) == _written(other)


def _written(value: Any) -> Any:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else str(value)
