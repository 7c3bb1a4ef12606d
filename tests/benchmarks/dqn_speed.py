"""Environment steps per second of `dqn-atari --preset paper` beside Stable-Baselines3's DQN, in one run.

Both play Pong with Nature's network at 84x84, batch 32 and one update for every 4 steps, past their first updates.
Short windows of the two and of bare gradient steps (dlplug's own loss and optimizer on one batch, nothing played) take
turns, so that whatever else the machine does falls on all three; SB3 plays in a process of its own, as its users run
it. Prints one JSON line:

    ratio_sb3    dlplug's steps per second over SB3's (medians of the windows), both with one torch thread, which is
                 the faster number for either on two cores. The goal is 2 or more
    ratio_bare   time of a dlplug step over that of a quarter of a bare gradient step: the goal is 1.25 or less

    python tests/benchmarks/dqn_speed.py [--windows 9] [--updates 50]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import torch
from dlplug_rl.dqn import DQN
from dlplug_rl.networks import q_network
from dlplug_rl.replay import Transition

from dlplug import Spec, hookimpl
from dlplug.loop import learn_from
from dlplug.optim import Stepper, adam
from dlplug.plugins import load_host
from dlplug.runner import run

TRAIN_EVERY, STARTS, REPLAY = 4, 2_000, 20_000
EPSILON = 0.01


class Peer:
    """SB3's DQN with the same settings, past its first updates."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        import ale_py
        import gymnasium
        from stable_baselines3 import DQN as PeerDQN
        from stable_baselines3.common.env_util import make_atari_env
        from stable_baselines3.common.vec_env import VecFrameStack

        gymnasium.register_envs(ale_py)
        self.agent = PeerDQN(
            "CnnPolicy",
            VecFrameStack(make_atari_env("PongNoFrameskip-v4", n_envs=1, seed=0), n_stack=4),
            learning_rate=1e-4,
            buffer_size=REPLAY,
            learning_starts=STARTS,
            batch_size=32,
            train_freq=TRAIN_EVERY,
            gradient_steps=1,
            target_update_interval=1000,
            exploration_initial_eps=EPSILON,
            exploration_final_eps=EPSILON,
            device="cpu",
        )
        self.play(STARTS + 100)

    def play(self, steps: int) -> float:
        """The seconds that so many steps took."""
        started = time.perf_counter()
        self.agent.learn(steps, reset_num_timesteps=False)
        return time.perf_counter() - started


def serve(pipe: Connection) -> None:
    """The peer's process: plays as many steps as it is told to, until it is told 0."""
    peer = Peer()
    while steps := pipe.recv():
        pipe.send(peer.play(steps))


class Bare:
    """Gradient steps alone: the paper's network, loss and optimizer on one batch."""

    def __init__(self) -> None:
        model = q_network(Spec(input=(4, 84, 84), output=6), scaling="unit")
        self.loss = DQN(model, bootstrap="greedy", error="squared", target_every=250)
        self.steppers = {"": Stepper(model, adam(model.parameters(), learning_rate=1e-4))}
        obs = torch.randint(0, 256, (2, 32, 4, 84, 84), dtype=torch.uint8)
        zeros = torch.zeros(32)
        self.batch = Transition(
            obs[0], torch.randint(0, 6, (32,)), zeros, zeros, obs[1], zeros + 0.99, zeros + 1, lambda surprise: None
        )

    def learn(self, updates: int) -> float:
        """The seconds that so many updates took."""
        started = time.perf_counter()
        for _ in range(updates):
            learn_from(self.loss, self.steppers, self.batch)
        return time.perf_counter() - started


class Turns:
    """An observer that hears of every window of the run, and lets the others have theirs before it goes on."""

    def __init__(self, updates: int, windows: int, peer: Connection) -> None:
        self.updates, self.windows, self.peer, self.bare = updates, windows, peer, Bare()
        self.seconds: dict[str, list[float]] = {"dlplug": [], "sb3": [], "bare": []}
        self.started = 0.0

    @hookimpl
    def logged(self, run: Any, step: int, values: Mapping[str, Any]) -> None:
        now = time.perf_counter()
        if run.stopping:
            return
        self.peer.send(self.updates * TRAIN_EVERY)
        others = {"sb3": self.peer.recv(), "bare": self.bare.learn(self.updates)}
        if self.started:  # the first window was a warm-up
            for name, seconds in {"dlplug": now - self.started, **others}.items():
                self.seconds[name].append(seconds)
        run.stopping = len(self.seconds["dlplug"]) >= self.windows
        self.started = time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=9, help="of each of the three")
    parser.add_argument("--updates", type=int, default=50, help="in a window; four steps each")
    options = parser.parse_args()
    torch.set_num_threads(1)
    host = load_host(["no:wandb"])
    ours, theirs = multiprocessing.Pipe()
    peer = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    peer.start()
    turns = Turns(options.updates, options.windows, ours)
    host.manager.register(turns)
    settings = {
        "data.replay": REPLAY,
        "data.learning_starts": STARTS,
        "data.epsilon_start": EPSILON,
        "data.epsilon_end": EPSILON,
        "device": "cpu",
        "log_every": options.updates,
        "metrics": [],
    }
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        run("dqn-atari", settings, preset="paper", out=f"{folder}/run", host=host)
    ours.send(0)
    medians = {name: median(seconds) / (options.updates * TRAIN_EVERY) for name, seconds in turns.seconds.items()}
    result = {
        "benchmark": "dqn_speed",
        "threads": torch.get_num_threads(),
        "windows": options.windows,
        "steps_per_second": {name: round(1 / medians[name], 1) for name in ("dlplug", "sb3")},
        "bare_gradient_step_ms": round(1e3 * medians["bare"] * TRAIN_EVERY, 2),
        "ratio_sb3": round(medians["sb3"] / medians["dlplug"], 3),
        "ratio_bare": round(medians["dlplug"] / medians["bare"], 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
