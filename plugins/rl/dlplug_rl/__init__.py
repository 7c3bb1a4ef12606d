"""Reinforcement learning: DQN on Atari games in the real emulator, and on any Gymnasium environment."""

from dlplug import hookimpl
from dlplug_rl.recipes import RECIPES


@hookimpl
def register_data():
    return {"atari": "dlplug_rl.player:Atari", "gym": "dlplug_rl.player:Gym"}


@hookimpl
def register_models():
    return {name: f"dlplug_rl.networks:{name}" for name in ("nature", "small", "mlp")}


@hookimpl
def register_losses():
    return {"dqn": "dlplug_rl.dqn:DQN"}


@hookimpl
def register_metrics():
    return {"episodes": "dlplug_rl.evaluation:episodes"}


@hookimpl
def register_recipes():
    return RECIPES
