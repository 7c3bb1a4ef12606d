"""Recipes that train in about a minute on a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlplug import Recipe, Target, Use, use
from dlplug_rl.recipes.atari import C51, DOUBLE, IQN, MUNCHAUSEN, NATURE, PQN, QR_DQN, RAINBOW, WATCH

SMALL_SOURCE = f"{NATURE}, on a small problem"
BOARDS = "Bricks, mean of 30 greedy episodes"


def on_boards(summary: str, source: str, loss: Use, model: Mapping[str, Any], data: Mapping[str, Any]) -> Recipe:
    """An algorithm on the 10x10 games, with the same budget and network as the others, for comparison."""
    return Recipe(
        summary=f"{summary}, on 10x10 boards",
        data=use(
            "gym",
            **{
                "id": "dlplug_envs:dlplug/Bricks-v0",
                "environments": 16,
                "replay": 100_000,
                "batch_size": 32,
                "learning_starts": 2_000,
                "train_every": 4,
                "n_step": 3,
                "importance_steps": 50_000,
                "epsilon_steps": 15_000,
                **data,
            },
        ),
        model=use("q-network", torso="tiny", hidden=128, **model),
        trainer=use("torch", threads=1),
        loss=loss,
        optimizer=use("adam", learning_rate=5e-4),
        length="50k frames",
        source=source,
        metrics=[use("episodes", epsilon=0.0, video=False)],
        samplers=["film"],
        targets=[
            Target(
                "test/return",
                BOARDS,
                "this project's own bar: random play scores 0.31, a simple rule 28.8",
                at_least=10,
                where={"data.id": "dlplug_envs:dlplug/Bricks-v0"},
            )
        ],
        watch=WATCH,
    )


NOISY = {"epsilon_start": 0.0, "epsilon_end": 0.0}
CATEGORICAL = {"returns": "categorical", "low": -1.0, "high": 20.0}
BOARD_RECIPES = {
    "dqn-mini": on_boards("Deep Q-learning", NATURE, use("dqn", bootstrap="greedy"), {}, {}),
    "double-dqn-mini": on_boards("Double Q-learning", DOUBLE, use("dqn"), {}, {}),
    "munchausen-mini": on_boards("Munchausen Q-learning", MUNCHAUSEN, use("dqn", bootstrap="munchausen"), {}, {}),
    "c51-mini": on_boards("Categorical Q-learning", C51, use("c51"), CATEGORICAL, {}),
    "qr-dqn-mini": on_boards("Quantile regression", QR_DQN, use("qr-dqn"), {"returns": "quantile"}, {}),
    "iqn-mini": on_boards(
        "Implicit quantiles", IQN, use("iqn", fractions=4, goal_fractions=4), {"returns": "implicit", "atoms": 8}, {}
    ),
    "rainbow-mini": on_boards(
        "Rainbow", RAINBOW, use("c51"), {**CATEGORICAL, "dueling": True, "noisy": True}, {"priority": 0.5, **NOISY}
    ),
}

PQN_ON_BOARDS = Recipe(
    summary="A parallelised Q-network with a distributional dueling head, on 10x10 boards",
    data=use(
        "gym-rollout",
        id="dlplug_envs:dlplug/Bricks-v0",
        environments=16,
        rollout=16,
        epochs=2,
        minibatches=4,
        trace=0.65,
        epsilon_steps=15_000,
    ),
    model=use("q-network", torso="tiny", hidden=128, layer_norm=True, dueling=True, **CATEGORICAL),
    trainer=use("torch", threads=1),
    loss="pqn",
    optimizer=use("radam", learning_rate=5e-4, clip_norm=10.0),
    length="50k frames",
    source=f"{PQN}; distributional head: Farebrother et al. 2024 (arXiv:2403.03950)",
    metrics=[use("episodes", epsilon=0.0, video=False)],
    samplers=["film"],
    targets=BOARD_RECIPES["dqn-mini"].targets,
    watch=WATCH,
)

RECIPES = {
    **BOARD_RECIPES,
    "pqn-mini": PQN_ON_BOARDS,
    "dqn-catch": Recipe(
        summary="A small Q-network catches every falling ball",
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
                "test/return",
                "Catch 10x5, mean of 30 greedy episodes",
                "the maximum; Osband et al. 2020, bsuite (arXiv:1908.03568)",
                at_least=1.0,
            )
        ],
        watch=WATCH,
        level=2,
    ),
    "dqn-cartpole": Recipe(
        summary="A small Q-network balances a pole",
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
                "test/return",
                "CartPole-v1, mean of 30 greedy episodes",
                "the environment's maximum; its reward threshold is 475 (Gymnasium, the registration of CartPole-v1)",
                at_least=500,
            )
        ],
        watch=WATCH,
        level=2,
    ),
}
