"""Weights & Biases for dlplug: every run logged, online or offline, never a prompt."""

from __future__ import annotations

from dlplug.hookspecs import hookimpl


@hookimpl
def register_observers() -> dict[str, str]:
    return {"wandb": "dlplug_wandb.observer:Wandb"}
