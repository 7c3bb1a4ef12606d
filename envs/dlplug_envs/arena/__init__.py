"""Three against three on a grid: a small game of teams, all games stepped together in NumPy."""

from __future__ import annotations

from dlplug_envs.arena.arena import Arena
from dlplug_envs.arena.observation import SIZE, Seen
from dlplug_envs.arena.rules import ACTIONS, ATTACK, BACK, DOWN, FORWARD, MEMBERS, STAY, UP, Rules
from dlplug_envs.arena.scripts import SCRIPTS

__all__ = [
    "ACTIONS",
    "ATTACK",
    "BACK",
    "DOWN",
    "FORWARD",
    "MEMBERS",
    "SCRIPTS",
    "SIZE",
    "STAY",
    "UP",
    "Arena",
    "Rules",
    "Seen",
]
