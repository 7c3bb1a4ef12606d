"""Small, fast Gymnasium environments with NumPy vector versions: `dlplug/Catch-v0`, `dlplug/Corridor-v0`, and three
games on a board of 10 x 10, `dlplug/Bricks-v0`, `dlplug/Lanes-v0` and `dlplug/Invaders-v0`.

Importing this package registers them. Gymnasium imports it for ids that name it:
`gymnasium.make("dlplug_envs:dlplug/Catch-v0")`.
"""

from __future__ import annotations

import gymnasium

__all__ = ["register"]

_BOARD_STEPS = 500  # after which a game on a board is truncated
_ENVIRONMENTS = {
    "dlplug/Catch-v0": ("dlplug_envs.catch:Catch", None),
    "dlplug/Corridor-v0": ("dlplug_envs.corridor:Corridor", None),
    "dlplug/Bricks-v0": ("dlplug_envs.bricks:Bricks", _BOARD_STEPS),
    "dlplug/Lanes-v0": ("dlplug_envs.lanes:Lanes", _BOARD_STEPS),
    "dlplug/Invaders-v0": ("dlplug_envs.invaders:Invaders", _BOARD_STEPS),
}


def register() -> None:
    """Registers all environments; may be called again. Environments are imported only when they are created."""
    for id, (single, steps) in _ENVIRONMENTS.items():
        if id not in gymnasium.registry:
            gymnasium.register(id, entry_point=single, vector_entry_point=f"{single}Vector", max_episode_steps=steps)


# Gymnasium 1.0 dropped the entry points of installed packages, so that importing must register.
register()
