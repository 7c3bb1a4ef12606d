"""Reinforcement learning: DQN on Atari games in the real emulator, and on any Gymnasium environment."""

from dlplug import hookimpl
from dlplug_rl import atari_recipes, small_recipes


@hookimpl
def register_data():
    return {
        "atari": "dlplug_rl.player:Atari",
        "gym": "dlplug_rl.player:Gym",
        "atari-rollout": "dlplug_rl.rollout:AtariRollout",
        "gym-rollout": "dlplug_rl.rollout:GymRollout",
    }


@hookimpl
def register_models():
    return {"q-network": "dlplug_rl.networks:q_network"}


@hookimpl
def register_losses():
    return {
        "dqn": "dlplug_rl.dqn:DQN",
        "c51": "dlplug_rl.distributional:C51",
        "qr-dqn": "dlplug_rl.distributional:QuantileRegression",
        "iqn": "dlplug_rl.distributional:IQN",
        "pqn": "dlplug_rl.pqn:PQN",
        "unreal": "dlplug_rl.auxiliary:Unreal",
    }


@hookimpl
def register_metrics():
    return {"episodes": "dlplug_rl.evaluation:episodes"}


@hookimpl
def register_commands():
    return {"scores": "dlplug_rl.scores_command:scores"}


@hookimpl
def register_samplers():
    return {"film": "dlplug_rl.film:film"}


@hookimpl
def register_recipes():
    return {**atari_recipes.RECIPES, **small_recipes.RECIPES}
