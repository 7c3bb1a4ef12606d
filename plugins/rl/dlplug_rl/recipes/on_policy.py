"""Policy gradients; most settings are those of RL Baselines3 Zoo."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dlplug import Recipe, Target, Use, use

REINFORCE = "Williams 1992 (doi:10.1007/BF00992696)"
A2C = "Mnih et al. 2016 (arXiv:1602.01783)"
PPO = "Schulman et al. 2017 (arXiv:1707.06347)"
LSTM = "Hochreiter & Schmidhuber 1997 (doi:10.1162/neco.1997.9.8.1735)"
ZOO = "RL Baselines3 Zoo, hyperparams/{}.yml"
BENCHMARK = "RL Baselines3 Zoo, benchmark.md: {}"
BOX2D = "Box2D, 4 MB: pip install box2d pygame"
WATCH = ["train/return", "train/entropy", "train/value_loss"]
ONE_THREAD = use("torch", threads=1, log_every=10)


def greedy(count: int = 30) -> Use:
    return use("episodes", count=count, epsilon=0.0, video=False)


def classic_control(
    summary: str, data: Use, loss: Use, optimizer: Use, length: str, source: str, target: Target, **different: Any
) -> Recipe:
    """A recipe for one of Gymnasium's small problems, with separate networks of actor and critic, on one thread."""
    defaults: Mapping[str, Any] = {
        "model": "actor-critic",
        "trainer": ONE_THREAD,
        "metrics": [greedy()],
        "samplers": [use("film", epsilon=0.0)],
        "watch": WATCH,
    }
    return Recipe(
        summary=summary,
        data=data,
        loss=loss,
        optimizer=optimizer,
        length=length,
        source=source,
        targets=[target],
        **{**defaults, **different},
    )


def falling(learning_rate: float) -> Use:
    """Adam as in PPO's implementations; the learning rate falls linearly to 0."""
    return use("adam", learning_rate=learning_rate, epsilon=1e-5, clip_norm=0.5, schedule="linear")


def at_most_500(what: str) -> Target:
    source = "the environment's maximum; RL Baselines3 Zoo, benchmark.md: 500 after 100k steps of PPO"
    return Target("test/return", f"{what}, mean of 30 greedy episodes", source, at_least=500)


def mean_of_100(id: str, at_least: float, source: str) -> Target:
    return Target("test/return", f"{id}, mean of 100 greedy episodes", source, at_least=at_least)


def pong(at_least: float, score: str) -> Target:
    protocol = "Pong, mean raw score of 30 evaluation games, actions sampled, protocol classic"
    where = {"data.game": "pong", "data.protocol": "classic"}
    source = BENCHMARK.format(f"{score} (one run, 10M steps)")
    return Target("test/return", protocol, source, at_least=at_least, where=where)


CARTPOLE: dict[str, Any] = {"id": "CartPole-v1", "environments": 8}
RECIPES = {
    "reinforce-cartpole": classic_control(
        "REINFORCE balances a pole, by the returns of whole episodes",
        use("episodes", **CARTPOLE),
        use("reinforce", baseline="leave-one-out"),
        use("adam", learning_rate=3e-3, schedule="linear"),
        "100k frames",
        f"{REINFORCE}; leave-one-out baseline: Kool et al. 2019",
        at_most_500("CartPole-v1"),
        watch=["train/return", "train/entropy"],
        level=2,
    ),
    "ppo-cartpole": classic_control(
        "PPO balances a pole",
        use("rollouts", rollout=32, **CARTPOLE),
        use("ppo", gamma=0.98, trace=0.8, epochs=20, minibatches=1, clip=0.2, clip_course="linear"),
        falling(1e-3),
        "100k frames",
        f"{PPO}; {ZOO.format('ppo')}",
        at_most_500("CartPole-v1"),
        level=2,
    ),
    "ppo-cartpole-hidden": classic_control(
        "PPO with an LSTM balances a pole whose velocities it does not see",
        use("rollouts", rollout=32, hidden=(1, 3), **CARTPOLE),
        use("ppo", gamma=0.98, trace=0.8, epochs=20, minibatches=1, clip=0.2, clip_course="linear"),
        falling(1e-3),
        "100k frames",
        f"{PPO}; {LSTM}; {ZOO.format('ppo_lstm')}",
        at_most_500("CartPole-v1 without velocities"),
        model=use("actor-critic", depth=1, activation="relu", memory=64, scaling="running"),
    ),
    "a2c-lunarlander": classic_control(
        "A2C lands a rocket",
        use("rollouts", id="LunarLander-v3", environments=8, rollout=5),
        use("a2c", gamma=0.995, trace=1.0, entropy=1e-5),
        use("rmsprop", learning_rate=8.3e-4, epsilon=1e-5, clip_norm=0.5, schedule="linear"),
        "200k frames",
        f"{A2C}; {ZOO.format('a2c')}",
        mean_of_100("LunarLander-v3", 155, BENCHMARK.format("155.8 ± 80.4 (one run, 200k steps)")),
        trainer=use("torch", threads=1),
        metrics=[greedy(100)],
        needs=BOX2D,
    ),
    "ppo-lunarlander": classic_control(
        "PPO lands a rocket",
        use("rollouts", id="LunarLander-v3", environments=16, rollout=1024),
        use("ppo", gamma=0.999, trace=0.98, epochs=4, minibatches=256, entropy=0.01),
        use("adam", learning_rate=3e-4, epsilon=1e-5, clip_norm=0.5),
        "1M frames",
        f"{PPO}; {ZOO.format('ppo')}",
        mean_of_100("LunarLander-v3", 242, BENCHMARK.format("242.1 ± 31.8 (one run, 1M steps)")),
        trainer=use("torch", threads=1, log_every=1),
        metrics=[greedy(100)],
        needs=BOX2D,
    ),
    "ppo-acrobot": classic_control(
        "PPO swings up two links by the joint between them",
        use("rollouts", id="Acrobot-v1", environments=16, rollout=256),
        use("ppo", gamma=0.99, trace=0.94, epochs=4, minibatches=64),
        falling(3e-4),
        "1M frames",
        f"{PPO}; {ZOO.format('ppo')}",
        mean_of_100("Acrobot-v1", -73.5, BENCHMARK.format("-73.5 ± 18.2 (one run, 1M steps)")),
        trainer=use("torch", threads=1, log_every=1),
        model=use("actor-critic", scaling="running"),
        metrics=[greedy(100)],
    ),
    "ppo-pendulum": classic_control(
        "PPO swings up a pendulum by a continuous torque",
        use("rollouts", id="Pendulum-v1", environments=4, rollout=1024),
        use("ppo", gamma=0.9, trace=0.95, epochs=10, minibatches=64),
        use("adam", learning_rate=1e-3, epsilon=1e-5, clip_norm=0.5),
        "100k frames",
        f"{PPO}; {ZOO.format('ppo')}, without its state-dependent exploration",
        mean_of_100("Pendulum-v1", -math.inf, "to be compared with sb3-ppo-pendulum, by the same settings"),
        trainer=use("torch", threads=1, log_every=1),
        metrics=[greedy(100)],
    ),
    "ppo-atari": Recipe(
        summary="PPO learns an Atari game in the real emulator; Pong by default",
        data=use("rollouts-atari", environments=8, rollout=128),
        model=use("actor-critic", torso="nature", hidden=512, shared=True, scaling="unit"),
        loss=use("ppo", epochs=4, minibatches=4, clip=0.1, clip_course="linear", entropy=0.01),
        trainer=use("torch", log_every=1),
        optimizer=falling(2.5e-4),
        length="40M frames",
        source=f"{PPO}; {ZOO.format('ppo')}",
        metrics=[use("episodes", epsilon=0.0, sampled=True)],
        samplers=[use("film", epsilon=0.0, sampled=True)],
        targets=[pong(20.88, "20.989 ± 0.105")],
        watch=WATCH,
        level=4,
    ),
    "a2c-atari": Recipe(
        summary="A2C learns an Atari game in the real emulator; Pong by default",
        data=use("rollouts-atari", environments=16, rollout=5),
        model=use("actor-critic", torso="nature", hidden=512, shared=True, scaling="unit"),
        loss=use("a2c", entropy=0.01, value_weight=0.25),
        optimizer=use("rmsprop", learning_rate=7e-4, epsilon=1e-5, clip_norm=0.5),
        length="40M frames",
        source=f"{A2C}; {ZOO.format('a2c')}",
        metrics=[use("episodes", epsilon=0.0, sampled=True)],
        samplers=[use("film", epsilon=0.0, sampled=True)],
        targets=[pong(17.29, "17.292 ± 3.214")],
        watch=WATCH,
        level=4,
    ),
}
