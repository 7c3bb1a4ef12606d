"""Reinforcement learning: DQN on Atari games in the real emulator, and on any Gymnasium environment."""

from dlplug import hookimpl
from dlplug_rl.recipes import RECIPES


@hookimpl
def register_data():
    return {
        "atari": "dlplug_rl.players.replaying:Atari",
        "gym": "dlplug_rl.players.replaying:Gym",
        "atari-rollout": "dlplug_rl.players.rollout:AtariRollout",
        "gym-rollout": "dlplug_rl.players.rollout:GymRollout",
        "rollouts": "dlplug_rl.players.on_policy:GymRollouts",
        "episodes": "dlplug_rl.players.whole_episodes:Episodes",
        "uniform-noise": "dlplug_rl.relax.race:UniformNoise",
        "rollouts-atari": "dlplug_rl.players.on_policy:AtariRollouts",
    }


@hookimpl
def register_models():
    return {
        "q-network": "dlplug_rl.networks.q_network:q_network",
        "gradient-racers": "dlplug_rl.relax.race:Racers",
        "relaxed-policy": "dlplug_rl.networks.relaxed_policy:RelaxedPolicy",
        "actor-critic": "dlplug_rl.networks.actor_critic:actor_critic",
    }


@hookimpl
def register_losses():
    return {
        "dqn": "dlplug_rl.losses.dqn:DQN",
        "c51": "dlplug_rl.losses.distributional:C51",
        "qr-dqn": "dlplug_rl.losses.distributional:QuantileRegression",
        "iqn": "dlplug_rl.losses.distributional:IQN",
        "pqn": "dlplug_rl.losses.pqn:PQN",
        "unreal": "dlplug_rl.losses.unreal:Unreal",
        "gradient-race": "dlplug_rl.relax.race:GradientRace",
        "relax": "dlplug_rl.losses.relax:RelaxPolicy",
        "reinforce": "dlplug_rl.losses.reinforce:Reinforce",
        "a2c": "dlplug_rl.losses.a2c:A2C",
        "ppo": "dlplug_play.on_policy.ppo:PPO",
    }


@hookimpl
def register_metrics():
    return {
        "episodes": "dlplug_rl.evaluation.episodes:episodes",
        "solved": "dlplug_rl.evaluation.solved:solved",
        "gradients": "dlplug_rl.relax.metrics:gradients",
    }


@hookimpl
def register_commands():
    return {"scores": "dlplug_rl.scores.command:scores"}


@hookimpl
def register_samplers():
    return {"film": "dlplug_rl.evaluation.film:film"}


@hookimpl
def register_recipes():
    return RECIPES


@hookimpl
def register_exercises():
    return "dlplug_rl.exercises:EXERCISES"
