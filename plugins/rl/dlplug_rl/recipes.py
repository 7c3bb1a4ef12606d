"""The plugin's recipes: what each of them plays, with what settings, and what it claims to reach."""

from __future__ import annotations

from dlplug import Preset, Recipe, Target, use

DQN = (
    "Mnih et al. 2015 (doi:10.1038/nature14236); double Q-learning: van Hasselt et al. 2016 (arXiv:1509.06461);"
    " n-step returns: Hessel et al. 2018 (arXiv:1710.02298)"
)
CLEANRL = "CleanRL, docs/rl-algorithms/dqn.md: 20.25 ± 0.41 after 40M frames (training returns, 3 seeds)"
PROTOCOL = "Pong, mean raw score of 30 evaluation episodes at ε 0.01, protocol classic"

CPU = Preset(
    "42x42 frames and a small network: Pong within 20 minutes on two cores",
    {
        "data.size": 42,
        "data.replay": 200_000,
        "data.learning_starts": 5_000,
        "data.n_step": 5,
        "data.epsilon_end": 0.02,
        "data.epsilon_steps": 25_000,
        "model": "small",
        "loss.target_every": 250,
        "optimizer.learning_rate": 5e-4,
        "optimizer.schedule": "linear",
        "optimizer.final": 0.1,
        "threads": 1,  # the network is small, and the emulator's own threads take the other core
        "frames": 900_000,
    },
    [
        Target(
            "eval/return", PROTOCOL, "this project's own bar; a human scores 14.6, a random policy -20.7", at_least=18
        )
    ],
)
GPU = Preset(
    "84x84 frames and Nature's network, the whole step as one CUDA graph",
    {"data.environments": 16, "graph": True},
    [Target("eval/return", PROTOCOL, CLEANRL, at_least=20)],
)
PAPER = Preset(
    "the settings of CleanRL's dqn_atari.py to the letter, for comparison",
    {
        "data.environments": 1,
        "data.replay": 1_000_000,
        "data.batch_size": 32,
        "data.learning_starts": 80_000,
        "data.train_every": 4,
        "data.n_step": 1,
        "data.gamma": 0.99,
        "data.epsilon_start": 1.0,
        "data.epsilon_end": 0.01,
        "data.epsilon_steps": 1_000_000,
        "data.clip_reward": True,
        "model.scaling": "unit",
        "loss.double": False,
        "loss.error": "squared",
        "loss.target_every": 250,  # updates: 1000 steps there, of which every fourth is followed by an update
        "optimizer.learning_rate": 1e-4,
        "optimizer.epsilon": 1e-8,
        "threads": 1,  # the emulator's thread needs the other core: with two, each update waits for it
        "frames": 40_000_000,
    },
    [Target("eval/return", PROTOCOL, CLEANRL, at_least=19.84)],
)

RECIPES = {
    "dqn-atari": Recipe(
        summary="A deep Q-network learns an Atari game in the real emulator; Pong by default",
        data=use("atari", train_every=2, epsilon_steps=50_000),
        model="nature",
        loss="dqn",
        optimizer=use("adam", learning_rate=2.5e-4, epsilon=1.5e-4),
        length="4M frames",
        source=DQN,
        metrics=["episodes"],
        presets={"cpu": CPU, "gpu": GPU, "paper": PAPER},
        watch=["train/return", "train/epsilon", "train/q"],
    ),
    "dqn-cartpole": Recipe(
        summary="A small Q-network balances a pole, in under a minute on a CPU",
        data=use("gym", id="CartPole-v1", batch_size=128, n_step=3, epsilon_end=0.1, epsilon_steps=5_000),
        model=use("mlp", hidden=128),
        trainer=use("torch", threads=1),
        loss=use("dqn", target_every=250),
        optimizer=use("adam", learning_rate=1e-3, schedule="linear"),
        length="60k frames",
        source=DQN,
        metrics=[use("episodes", epsilon=0.0, video=False)],
        targets=[
            Target(
                "eval/return",
                "CartPole-v1, mean of 30 greedy episodes",
                "the environment's maximum; its reward threshold is 475 (Gymnasium, the registration of CartPole-v1)",
                at_least=500,
            )
        ],
        watch=["train/return", "train/epsilon", "train/q"],
    ),
    "dqn-catch": Recipe(
        summary="A small Q-network catches every falling ball, in under a minute on a CPU",
        data=use("gym", id="dlplug_envs:dlplug/Catch-v0", epsilon_steps=5_000),
        model=use("mlp", hidden=64),
        trainer=use("torch", threads=1),
        loss=use("dqn", target_every=50),
        optimizer=use("adam", learning_rate=1e-3),
        length="20k frames",
        source=DQN,
        metrics=[use("episodes", epsilon=0.0, video=False)],
        targets=[
            Target(
                "eval/return",
                "Catch 10x5, mean of 30 greedy episodes",
                "the maximum; Osband et al. 2020, bsuite (arXiv:1908.03568)",
                at_least=1.0,
            )
        ],
        watch=["train/return", "train/epsilon", "train/q"],
    ),
}
