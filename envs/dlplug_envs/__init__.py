"""Small, fast Gymnasium environments with NumPy vector versions: `dlplug/Catch-v0` and `dlplug/Corridor-v0`.

Importing this package registers both. Gymnasium imports it by itself where an id names it:
`gymnasium.make("dlplug_envs:dlplug/Catch-v0")`.
"""

from __future__ import annotations

import gymnasium

__all__ = ["register"]

_ENVIRONMENTS = {
    "dlplug/Catch-v0": ("dlplug_envs.catch:Catch", "dlplug_envs.catch:CatchVector"),
    "dlplug/Corridor-v0": ("dlplug_envs.corridor:Corridor", "dlplug_envs.corridor:CorridorVector"),
}


def register() -> None:
    """Tells Gymnasium of both environments. It may be called again; no environment is imported before it is made."""
    for id, (single, vector) in _ENVIRONMENTS.items():
        if id not in gymnasium.registry:
            gymnasium.register(id, entry_point=single, vector_entry_point=vector)


# Gymnasium 1.0 dropped the entry points by which an installed package registered itself, so importing has to.
register()
