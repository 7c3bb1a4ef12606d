"""An overlay in which classes and functions may stand for registered names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlplug.host.plugins import Host
from dlplug.host.unregistered import name_of
from dlplug.options.parts import KIND_OF


def with_names(host: Host, layer: Mapping[str, Any]) -> dict[str, Any]:
    """An overlay with names for the classes and functions in it, under which the host then knows them."""
    return {key: _named(host, key, value) for key, value in layer.items()}


def _named(host: Host, key: str, value: Any) -> Any:
    if key == "metrics" and isinstance(value, (list, tuple)):
        return [_named(host, key, metric) for metric in value]
    if isinstance(value, str) or not (key in KIND_OF or key.partition(".")[0] == "optimizer"):
        return value
    if key.startswith("optimizer.") and not callable(value):  # an option: optimizer.learning_rate
        return value
    return host.register(KIND_OF.get(key, "optimizers"), name_of(value), value)
