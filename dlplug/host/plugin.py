"""One plugin, as it was found."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from importlib.metadata import Distribution
from typing import Any


@dataclass
class Plugin:
    """One plugin as it was found, whether or not it works.

    origin: where it was found. installed: its distribution. title: what stands for a distribution where it has none.
    """

    name: str
    origin: str
    installed: Distribution | None = None
    title: str = ""
    module: Any = None
    error: str = ""
    seconds: float = 0.0
    provides: dict[str, list[str]] = field(default_factory=dict)

    @functools.cached_property
    def distribution(self) -> str:
        """Its name and its version are read when they are asked for: each takes as long as importing a plugin."""
        return self.title if self.installed is None else self.installed.name

    @functools.cached_property
    def version(self) -> str:
        return "" if self.installed is None else self.installed.version

    @property
    def state(self) -> str:
        return "broken" if self.error else "blocked" if self.module is None else "works"

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}" if self.version else self.distribution


OWN = Plugin("own", "passed to dlplug.run", title="this program")
