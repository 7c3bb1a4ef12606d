"""The Atari recipes, with published hyperparameters; `source` says whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from dlplug import Preset, Recipe, Target, use

NATURE = "Mnih et al. 2015 (doi:10.1038/nature14236)"
DOUBLE = "van Hasselt et al. 2016 (arXiv:1509.06461)"
RAINBOW = "Hessel et al. 2018 (arXiv:1710.02298)"
C51 = "Bellemare et al. 2017 (arXiv:1707.06887)"
QR_DQN = "Dabney et al. 2018a (arXiv:1710.10044)"
IQN = "Dabney et al. 2018b (arXiv:1806.06923)"
PQN = "Gallici et al. 2025 (arXiv:2407.04811)"
MUNCHAUSEN = "Vieillard et al. 2020 (arXiv:2007.14430)"
CLEANRL = "CleanRL, docs/rl-algorithms/{}.md: {} after 40M frames (training returns, 3 seeds)"
WATCH = ["train/return", "train/epsilon", "train/q"]


def pong(at_least: float, source: str) -> Target:
    return classic("pong", at_least, source)


def classic(game: str, at_least: float, source: str) -> Target:
    protocol = f"{game.capitalize()}, mean raw score of 30 evaluation episodes at ε 0.01, protocol classic"
    where = {"data.game": game, "data.protocol": "classic"}
    return Target("test/return", protocol, source, at_least=at_least, where=where)


ON_TWO_CORES: dict[str, Any] = {
    "data.size": 42,
    "model.torso": "small",
    "model.hidden": 256,
    "optimizer.learning_rate": 5e-4,
    "optimizer.schedule": "linear",
    "optimizer.final": 0.1,
    "threads": 1,  # the network is small, and the emulator's own threads take the other core
    "frames": 1_200_000,
}
REPLAYED_ON_TWO_CORES = ON_TWO_CORES | {
    "data.environments": 8,
    "data.replay": 200_000,
    "data.learning_starts": 5_000,
    "data.train_every": 2,
    "data.n_step": 5,
    "data.epsilon_start": 1.0,
    "data.epsilon_end": 0.02,
    "data.epsilon_steps": 25_000,
    "loss.target_every": 250,
    "optimizer.epsilon": 1.5e-4,
}


def on_two_cores(different: Mapping[str, Any] = MappingProxyType({}), targets: Sequence[Target] = ()) -> Preset:
    summary = "42x42 frames and a small network: Pong in about 25 minutes on two cores"
    return Preset(summary, {**REPLAYED_ON_TWO_CORES, **different}, targets, minutes=30)


GRAPHED = Preset("the published settings, each step as one CUDA graph", {"graph": True})
NOISY = {"data.epsilon_start": 0.0, "data.epsilon_end": 0.0}  # the noise explores

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
        "loss.bootstrap": "greedy",
        "loss.error": "squared",
        "loss.target_every": 250,  # updates: 1000 steps there, of which every fourth is followed by an update
        "optimizer.learning_rate": 1e-4,
        "optimizer.epsilon": 1e-8,
        "threads": 1,  # the emulator's thread needs the other core: with two, each update waits for it
        "frames": 40_000_000,
    },
    [
        pong(19.84, CLEANRL.format("dqn", "20.25 ± 0.41")),
        classic("breakout", 327.04, CLEANRL.format("dqn", "366.928 ± 39.89")),
    ],
)

RECIPES = {
    "dqn-atari": Recipe(
        summary="A deep Q-network learns an Atari game in the real emulator; Pong by default",
        data=use("atari", train_every=2, epsilon_steps=50_000),
        model="q-network",
        loss="dqn",
        optimizer=use("adam", learning_rate=2.5e-4, epsilon=1.5e-4),
        length="4M frames",
        source=f"{NATURE}; double Q-learning: {DOUBLE}; n-step returns: {RAINBOW}",
        metrics=["episodes"],
        samplers=["film"],
        presets={
            "cpu": on_two_cores(
                targets=[pong(18, "this project's own bar; a human scores 14.6, a random policy -20.7")]
            ),
            "gpu": Preset(
                "84x84 frames and Nature's network, the whole step as one CUDA graph",
                {"data.environments": 0, "graph": True},
                [pong(20, CLEANRL.format("dqn", "20.25 ± 0.41"))],
            ),
            "paper": PAPER,
        },
        watch=WATCH,
        bf16={"cpu": "1.6 times the updates per second with AVX512-BF16"},
    ),
    "double-dqn-atari": Recipe(
        summary="Double Q-learning: the online network selects the next action, the target network evaluates it",
        data=use("atari", n_step=1),
        model="q-network",
        loss=use("dqn", bootstrap="double", target_every=2_000),
        optimizer=use("adam", learning_rate=6.25e-5, epsilon=1.5e-4),
        length="40M frames",
        source=f"{DOUBLE}; optimizer and target network as in {RAINBOW}, table 1",
        metrics=["episodes"],
        samplers=["film"],
        targets=[pong(19.84, CLEANRL.format("dqn", "20.25 ± 0.41"))],
        presets={"cpu": on_two_cores(), "gpu": GRAPHED},
        watch=WATCH,
        level=4,
    ),
    "c51-atari": Recipe(
        summary="Categorical Q-learning: a distribution of returns over 51 atoms",
        data=use("atari", n_step=1, learning_starts=80_000, epsilon_steps=1_000_000),
        model=use("q-network", returns="categorical", atoms=51, low=-10.0, high=10.0),
        loss=use("c51", bootstrap="greedy", target_every=2_500),
        optimizer=use("adam", learning_rate=2.5e-4, epsilon=0.01 / 32),
        length="40M frames",
        source=f"{C51}; CleanRL's c51_atari.py for the optimizer and the counts",
        metrics=["episodes"],
        samplers=["film"],
        targets=[pong(18.76, CLEANRL.format("c51", "19.46 ± 0.70"))],
        presets={"cpu": on_two_cores(), "gpu": GRAPHED},
        watch=WATCH,
        level=4,
    ),
    "qr-dqn-atari": Recipe(
        summary="Quantile regression: 200 quantiles of an action's return",
        data=use("atari", n_step=1, learning_starts=12_500),
        model=use("q-network", returns="quantile", atoms=200),
        loss=use("qr-dqn", bootstrap="greedy", target_every=2_500),
        optimizer=use("adam", learning_rate=5e-5, epsilon=0.01 / 32),
        length="40M frames",
        source=QR_DQN,
        metrics=["episodes"],
        samplers=["film"],
        targets=[pong(20, "rl_zoo3, benchmark.md: 20.492 after 40M frames (one run)")],
        presets={"cpu": on_two_cores({"model.atoms": 51}), "gpu": GRAPHED},
        watch=WATCH,
        level=4,
    ),
    "iqn-atari": Recipe(
        summary="Implicit quantile networks: quantiles of the return at sampled fractions",
        data=use("atari", n_step=1, learning_starts=12_500),
        model=use("q-network", returns="implicit", atoms=32),
        loss=use("iqn", bootstrap="greedy", fractions=64, goal_fractions=64, target_every=2_500),
        optimizer=use("adam", learning_rate=5e-5, epsilon=0.01 / 32),
        length="40M frames",
        source=IQN,
        metrics=["episodes"],
        samplers=["film"],
        targets=[pong(20, "Tianshou, examples/atari/README: 20.3 (one run, best)")],
        presets={"cpu": on_two_cores({"loss.fractions": 8, "loss.goal_fractions": 8}), "gpu": GRAPHED},
        watch=WATCH,
        level=4,
    ),
    "rainbow-atari": Recipe(
        summary="Rainbow: double, dueling, categorical and noisy, with three-step returns and prioritised replay",
        data=use(
            "atari",
            n_step=3,
            priority=0.5,
            importance=0.4,
            importance_steps=10_000_000,
            epsilon_start=0.0,
            epsilon_end=0.0,
        ),
        model=use("q-network", dueling=True, noisy=True, returns="categorical"),
        loss=use("c51", bootstrap="double", target_every=2_000),
        optimizer=use("adam", learning_rate=6.25e-5, epsilon=1.5e-4),
        length="40M frames",
        source=f"{RAINBOW}, table 1",
        metrics=["episodes"],
        samplers=["film"],
        targets=[pong(20, f"{RAINBOW}, table 6: 20.9 after 200M frames")],
        presets={"cpu": on_two_cores({**NOISY, "data.importance_steps": 300_000}), "gpu": GRAPHED},
        watch=["train/return", "train/q", "train/surprise"],
        level=4,
    ),
    "btr-atari": Recipe(
        summary="Beyond the Rainbow: IMPALA network, implicit quantiles, Munchausen, 64 games in parallel",
        data=use(
            "atari",
            protocol="machado",
            environments=64,
            replay=1_048_576,
            batch_size=256,
            learning_starts=200_000,
            train_every=64,
            n_step=3,
            gamma=0.997,
            priority=0.2,
            importance=0.4,
            importance_steps=50_000_000,
            epsilon_steps=125_000,
        ),
        model=use("q-network", torso="impala", width=2, dueling=True, noisy=True, returns="implicit", atoms=8),
        loss=use("iqn", bootstrap="munchausen", fractions=8, goal_fractions=8, target_every=500),
        optimizer=use("adam", learning_rate=1e-4, epsilon=0.005 / 256, clip_norm=10.0),
        length="200M frames",
        source="Clark et al. 2025, Beyond the Rainbow (arXiv:2411.03820)",
        metrics=["episodes"],
        samplers=["film"],
        presets={
            "cpu": on_two_cores(
                {
                    "data.protocol": "classic",
                    "data.batch_size": 32,
                    "data.importance_steps": 300_000,
                    "data.gamma": 0.99,
                    "model.noisy": False,
                }
            ),
            "gpu": GRAPHED,
        },
        watch=["train/return", "train/q", "train/surprise"],
        level=4,
    ),
    "pqn-atari": Recipe(
        summary="A parallelised Q-network: no replay buffer, no target network, 128 games in parallel",
        data="atari-rollout",
        model=use("q-network", layer_norm=True, scaling="unit"),
        loss="pqn",
        optimizer=use("radam", learning_rate=2.5e-4, schedule="linear", clip_norm=10.0),
        length="200M frames",
        source=f"{PQN}, purejaxql's pqn_atari.yaml",
        metrics=["episodes"],
        samplers=["film"],
        targets=[pong(20, CLEANRL.format("pqn", "20.49 ± 0.11"))],
        presets={
            "cpu": Preset(
                "42x42 frames and a small network: Pong on two cores",
                ON_TWO_CORES
                | {
                    "data.environments": 32,
                    "data.rollout": 32,
                    "data.minibatches": 8,
                    "data.epsilon_end": 0.02,
                    "data.epsilon_steps": 50_000,
                    "model.scaling": "standardise",
                    "frames": 4_000_000,
                },
            ),
            "gpu": GRAPHED,
        },
        watch=WATCH,
        level=4,
    ),
}
