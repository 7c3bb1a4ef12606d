"""The plugin's recipes, with the hyperparameters and the scores of Stable-Baselines3's zoo."""

from __future__ import annotations

import math

from dlplug import Recipe, Target, use

ZOO = "RL Baselines3 Zoo, hyperparams/{}.yml"
BENCHMARK = "RL Baselines3 Zoo, benchmark.md: {} (one run, 10M steps)"
PROTOCOL = "Pong, mean raw score of 30 evaluation games, actions sampled, protocol classic"

PONG = {"data.game": "pong", "data.protocol": "classic"}

PPO = "Schulman et al. 2017 (arXiv:1707.06347); "
A2C = "Mnih et al. 2016 (arXiv:1602.01783); "
DQN = "Mnih et al. 2015 (doi:10.1038/nature14236); "

RECIPES = {
    "sb3-ppo-atari": Recipe(
        summary="Stable-Baselines3's PPO learns an Atari game; Pong by default",
        data=use("sb3-atari", environments=8),
        model=use(
            "sb3-ppo",
            learning_rate=2.5e-4,
            schedule="linear",
            n_steps=128,
            batch_size=256,
            n_epochs=4,
            clip_range=0.1,
            ent_coef=0.01,
            vf_coef=0.5,
        ),
        trainer="sb3",
        length="40M frames",
        source=PPO + ZOO.format("ppo"),
        metrics=[use("sb3-episodes", deterministic=False)],
        samplers=["sb3-film"],
        targets=[Target("test/return", PROTOCOL, BENCHMARK.format("20.989 ± 0.105"), at_least=20.88, where=PONG)],
        watch=["train/return", "train/value_loss", "train/approx_kl"],
        level=4,
        formerly="ppo-atari",
    ),
    "sb3-a2c-atari": Recipe(
        summary="Stable-Baselines3's A2C learns an Atari game; Pong by default",
        data=use("sb3-atari", environments=16),
        model=use("sb3-a2c", optimizer="rmsprop-tensorflow", ent_coef=0.01, vf_coef=0.25),
        trainer="sb3",
        length="40M frames",
        source=A2C + ZOO.format("a2c"),
        metrics=[use("sb3-episodes", deterministic=False)],
        samplers=["sb3-film"],
        targets=[Target("test/return", PROTOCOL, BENCHMARK.format("17.292 ± 3.214"), at_least=17.29, where=PONG)],
        watch=["train/return", "train/value_loss", "train/entropy_loss"],
        level=4,
        formerly="a2c-atari",
    ),
    "sb3-dqn-atari": Recipe(
        summary="Stable-Baselines3's DQN, the baseline of dqn-atari; Pong by default",
        data=use("sb3-atari", environments=1),
        model=use(
            "sb3-dqn",
            learning_rate=1e-4,
            buffer_size=100_000,
            learning_starts=100_000,
            batch_size=32,
            train_freq=4,
            gradient_steps=1,
            target_update_interval=1_000,
            exploration_fraction=0.1,
            exploration_final_eps=0.01,
        ),
        trainer="sb3",
        length="40M frames",
        source=DQN + ZOO.format("dqn"),
        metrics=[use("sb3-episodes", deterministic=False)],
        samplers=["sb3-film"],
        targets=[Target("test/return", PROTOCOL, BENCHMARK.format("20.602 ± 0.613"), at_least=19.98, where=PONG)],
        watch=["train/return", "train/epsilon", "train/loss"],
        level=4,
    ),
    "sb3-ppo-cartpole": Recipe(
        summary="Stable-Baselines3's PPO balances a pole",
        data=use("sb3-gym", id="CartPole-v1", environments=8),
        model=use(
            "sb3-ppo",
            learning_rate=1e-3,
            schedule="linear",
            n_steps=32,
            batch_size=256,
            n_epochs=20,
            gamma=0.98,
            gae_lambda=0.8,
            clip_range=0.2,
            ent_coef=0.0,
        ),
        trainer=use("sb3", device="cpu", threads=1),
        length="100k steps",
        source=PPO + ZOO.format("ppo"),
        metrics=[use("sb3-episodes", video=False)],
        samplers=["sb3-film"],
        targets=[
            Target(
                "test/return",
                "CartPole-v1, mean of 30 episodes, the likeliest action",
                "the environment's maximum; RL Baselines3 Zoo, benchmark.md: 500",
                at_least=500,
                where={"data.id": "CartPole-v1"},
            )
        ],
        watch=["train/return", "train/value_loss", "train/approx_kl"],
        level=2,
        formerly="ppo-cartpole",
    ),
    "sb3-ppo-pendulum": Recipe(
        summary="Stable-Baselines3's PPO swings up a pendulum, the baseline of ppo-pendulum",
        data=use("sb3-gym", id="Pendulum-v1", environments=4),
        model=use("sb3-ppo", learning_rate=1e-3, n_steps=1024, batch_size=64, n_epochs=10, gamma=0.9, clip_range=0.2),
        trainer=use("sb3", device="cpu", threads=1),
        length="100k steps",
        source=f"{PPO}{ZOO.format('ppo')}, without its state-dependent exploration",
        metrics=[use("sb3-episodes", count=100, video=False)],
        samplers=["sb3-film"],
        targets=[
            Target(
                "test/return",
                "Pendulum-v1, mean of 100 episodes, the mean actions",
                "the baseline of ppo-pendulum; the zoo's score is by state-dependent exploration",
                at_least=-math.inf,
            )
        ],
        watch=["train/return", "train/value_loss", "train/approx_kl"],
    ),
}
