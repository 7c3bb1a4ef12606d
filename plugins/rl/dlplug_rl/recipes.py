"""The plugin's recipes."""

from __future__ import annotations

from dlplug import Preset, Recipe, Target, use

CLEANRL = "CleanRL, dqn_atari.py and docs/rl-algorithms/dqn.md (https://docs.cleanrl.dev/rl-algorithms/dqn/)"
MODERN = "Mnih et al. 2015 (doi:10.1038/nature14236); double Q: arXiv:1509.06461; n-step: arXiv:1710.02298"

RECIPES = {
    "dqn-atari": Recipe(
        summary="A deep Q-network learns an Atari game in the real emulator (Pong by default)",
        data=use("atari"),
        model="nature",
        loss="dqn",
        optimizer=use("adam", learning_rate=2.5e-4, epsilon=1.5e-4),
        length="10M frames",
        source=MODERN,
        metrics=["episodes"],
        watch=["train/return", "train/epsilon", "train/q"],
        presets={
            "cpu": Preset(
                "42x42 frames and a small network: Pong in 20 minutes on two cores",
                {
                    "data.size": 42,
                    "data.replay": 200_000,
                    "data.learning-starts": 5_000,
                    "data.train-every": 2,
                    "data.epsilon-end": 0.02,
                    "data.epsilon-steps": 50_000,
                    "model": "small",
                    "frames": 800_000,
                },
                [Target("eval/return", "Pong, 30 episodes, classic, epsilon 0.01", "ours", at_least=18)],
            ),
        },
    ),
}
