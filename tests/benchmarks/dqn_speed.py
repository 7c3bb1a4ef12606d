"""Environment steps per second of `dqn-atari --preset paper` beside other libraries' DQN, in one run.

All play Pong with Nature's network at 84x84, batch 32 and one update for every 4 steps, past their first updates.
Short windows of all of them and of bare gradient steps (dlplug's own loss and optimizer on one batch, nothing played)
take turns, so that whatever else the machine does falls on each; peers play in processes of their own, as their users
run them. Prints one JSON line:

    ratio_sb3, ratio_tianshou
                 dlplug's steps per second over the peer's (medians of the windows), each with one torch thread, which
                 is the faster number for all on two cores. The goal is 2 or more
    ratio_bare   time of a dlplug step over that of a quarter of a bare gradient step: the goal is 1.25 or less

    python tests/benchmarks/dqn_speed.py [--windows 9] [--updates 50] [--tianshou PYTHON]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from statistics import median
from typing import Any

import torch
from dlplug_rl.losses.dqn import DQN
from dlplug_rl.networks.q_network import q_network
from dlplug_rl.replay.buffer import Transition
from peers.process import Peer

from dlplug import Spec, hookimpl
from dlplug.host.plugins import load_host
from dlplug.runs.runner import run
from dlplug.training.loop import learn_from
from dlplug.training.optimizers import adam
from dlplug.training.stepper import Stepper

TRAIN_EVERY, STARTS, REPLAY = 4, 2_000, 20_000
EPSILON = 0.01


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

    def __init__(self, updates: int, windows: int, peers: Mapping[str, Peer]) -> None:
        self.updates, self.windows, self.peers, self.bare = updates, windows, peers, Bare()
        self.seconds: dict[str, list[float]] = {name: [] for name in ("dlplug", "bare", *peers)}
        self.started = 0.0

    @hookimpl
    def logged(self, run: Any, step: int, values: Mapping[str, Any]) -> None:
        now = time.perf_counter()
        if run.stopping:
            return
        others = {name: peer.play(self.updates * TRAIN_EVERY) for name, peer in self.peers.items()}
        others["bare"] = self.bare.learn(self.updates)
        if self.started:  # the first window was a warm-up
            for name, seconds in {"dlplug": now - self.started, **others}.items():
                self.seconds[name].append(seconds)
        run.stopping = len(self.seconds["dlplug"]) >= self.windows
        self.started = time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=9, help="of each")
    parser.add_argument("--updates", type=int, default=50, help="in a window; four steps each")
    parser.add_argument("--tianshou", metavar="PYTHON", help="an interpreter that has tianshou 2, ale-py and opencv")
    options = parser.parse_args()
    torch.set_num_threads(1)
    host = load_host(["no:wandb"])
    peers = {"sb3": Peer("sb3.py", sys.executable)}
    if options.tianshou:
        peers["tianshou"] = Peer("tianshou_dqn.py", options.tianshou)
    turns = Turns(options.updates, options.windows, peers)
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
    for peer in peers.values():
        peer.close()
    medians = {name: median(seconds) / (options.updates * TRAIN_EVERY) for name, seconds in turns.seconds.items()}
    result = {
        "benchmark": "dqn_speed",
        "threads": torch.get_num_threads(),
        "windows": options.windows,
        "steps_per_second": {name: round(1 / medians[name], 1) for name in ("dlplug", *peers)},
        "bare_gradient_step_ms": round(1e3 * medians["bare"] * TRAIN_EVERY, 2),
        **{f"ratio_{name}": round(medians[name] / medians["dlplug"], 3) for name in peers},
        "ratio_bare": round(medians["dlplug"] / medians["bare"], 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
