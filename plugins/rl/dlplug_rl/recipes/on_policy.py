"""Policy gradients, with the settings of RL Baselines3 Zoo where it has the recipe."""

from __future__ import annotations

from typing import Any

from dlplug import Recipe, Target, use

PPO = "Schulman et al. 2017 (arXiv:1707.06347)"
ZOO = "RL Baselines3 Zoo, hyperparams/{}.yml"
BENCHMARK = "RL Baselines3 Zoo, benchmark.md: {}"
WATCH = ["train/return", "train/entropy", "train/value_loss"]
GREEDY: Any = use("episodes", epsilon=0.0, video=False)
FILM = use("film", epsilon=0.0)
CARTPOLE = Target(
    "test/return",
    "CartPole-v1, mean of 30 greedy episodes",
    "the environment's maximum; RL Baselines3 Zoo, benchmark.md: 500",
    at_least=500,
)

RECIPES = {
    "ppo-cartpole": Recipe(
        summary="PPO balances a pole",
        data=use("rollouts", id="CartPole-v1", environments=8, rollout=32),
        model="actor-critic",
        trainer=use("torch", threads=1, log_every=10),
        loss=use("ppo", gamma=0.98, trace=0.8, epochs=20, minibatches=1, clip=0.2, clip_course="linear"),
        optimizer=use("adam", learning_rate=1e-3, epsilon=1e-5, clip_norm=0.5, schedule="linear"),
        length="100k frames",
        source=f"{PPO}; {ZOO.format('ppo')}",
        metrics=[GREEDY],
        samplers=[FILM],
        targets=[CARTPOLE],
        watch=WATCH,
        level=2,
    ),
}
