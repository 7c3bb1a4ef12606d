"""Recipes that a minute on a CPU is enough for."""

from __future__ import annotations

from dlplug import Recipe, Target, use
from dlplug_rl.atari_recipes import NATURE, WATCH

SMALL_SOURCE = f"{NATURE}, on a small problem"

RECIPES = {
    "dqn-cartpole": Recipe(
        summary="A small Q-network balances a pole, in under a minute on a CPU",
        data=use("gym", id="CartPole-v1", batch_size=128, n_step=3, epsilon_end=0.1, epsilon_steps=5_000),
        model=use("q-network", torso="mlp", hidden=128),
        trainer=use("torch", threads=1),
        loss=use("dqn", target_every=250),
        optimizer=use("adam", learning_rate=1e-3, schedule="linear"),
        length="60k frames",
        source=SMALL_SOURCE,
        metrics=[use("episodes", epsilon=0.0, video=False)],
        samplers=[use("film", epsilon=0.0)],
        targets=[
            Target(
                "eval/return",
                "CartPole-v1, mean of 30 greedy episodes",
                "the environment's maximum; its reward threshold is 475 (Gymnasium, the registration of CartPole-v1)",
                at_least=500,
            )
        ],
        watch=WATCH,
    ),
    "dqn-catch": Recipe(
        summary="A small Q-network catches every falling ball, in under a minute on a CPU",
        data=use("gym", id="dlplug_envs:dlplug/Catch-v0", epsilon_steps=5_000),
        model=use("q-network", torso="mlp", hidden=64),
        trainer=use("torch", threads=1),
        loss=use("dqn", target_every=50),
        optimizer=use("adam", learning_rate=1e-3),
        length="20k frames",
        source=SMALL_SOURCE,
        metrics=[use("episodes", epsilon=0.0, video=False)],
        samplers=[use("film", epsilon=0.0)],
        targets=[
            Target(
                "eval/return",
                "Catch 10x5, mean of 30 greedy episodes",
                "the maximum; Osband et al. 2020, bsuite (arXiv:1908.03568)",
                at_least=1.0,
            )
        ],
        watch=WATCH,
    ),
}
