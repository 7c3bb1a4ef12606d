"""An overlay in which classes and functions may stand for registered names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlplug.host.plugins import Host
from dlplug.host.unregistered import name_of
from dlplug.options.parts import KIND_OF, kind_of


def with_names(host: Host, layer: Mapping[str, Any]) -> dict[str, Any]:
    """An overlay with names for the classes and functions in it, under which the host then knows them."""
    return {key: _named(host, key, value) for key, value in layer.items()}


def _named(host: Host, key: str, value: Any) -> Any:
    if key == "metrics" and isinstance(value, (list, tuple)):
        return [_named(host, key, metric) for metric in value]
    of_part = key.startswith("optimizer.") and callable(value)  # a number is an option's: optimizer.learning_rate
    if isinstance(value, str) or not (key in KIND_OF or key == "optimizer" or of_part):
        return value
    return host.register(kind_of(key), name_of(value), value)
