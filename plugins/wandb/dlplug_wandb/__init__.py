"""Weights & Biases for dlplug: logs every run, online or offline, without prompts."""

from __future__ import annotations

from typing import Any

from dlplug.host.hookspecs import hookimpl


@hookimpl
def register_observers() -> dict[str, str]:
    return {"wandb": "dlplug_wandb.observer:Wandb"}


@hookimpl
def diagnose() -> list[dict[str, Any]]:
    from dlplug_wandb.mode import findings

    return findings()
