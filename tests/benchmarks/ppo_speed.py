"""Frames per second of `ppo-atari` beside Stable-Baselines3's PPO, in one run.

Both play Pong with the zoo's settings: 8 games, rollouts of 128 steps, 4 epochs of 4 minibatches of 256, and Nature's
network at 84x84. Rollouts of the two, each with its updates, take turns, so that whatever else the machine does falls
on both; Stable-Baselines3 runs in a process of its own, as its users run it. Prints one JSON line:

    ratio    dlplug's frames per second over Stable-Baselines3's (medians of the rollouts), at equal network, settings
             and number of torch threads. The goal is 2 or more

    python tests/benchmarks/ppo_speed.py [--windows 5] [--threads 1]
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

from peers.process import Peer

from dlplug import hookimpl
from dlplug.host.plugins import load_host
from dlplug.runs.runner import run

FRAMES = 8 * 128 * 4  # of a rollout


class Turns:
    """An observer that hears of every rollout of the run, and lets the peer have one before it goes on."""

    def __init__(self, windows: int, peer: Peer) -> None:
        self.windows, self.peer, self.started = windows, peer, 0.0
        self.seconds: dict[str, list[float]] = {"dlplug": [], "sb3": []}

    @hookimpl
    def logged(self, run: Any, step: int, values: Mapping[str, Any]) -> None:
        now = time.perf_counter()
        if run.stopping:
            return
        other = self.peer.play(1)
        if self.started:  # the first was a warm-up
            self.seconds["dlplug"].append(now - self.started)
            self.seconds["sb3"].append(other)
        run.stopping = len(self.seconds["dlplug"]) >= self.windows
        self.started = time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=5, help="rollouts of each")
    parser.add_argument("--threads", type=int, default=1, help="of torch, for both")
    options = parser.parse_args()
    host, peer = load_host(["no:wandb"]), Peer("sb3_ppo.py", sys.executable, str(options.threads))
    turns = Turns(options.windows, peer)
    host.manager.register(turns)
    settings = {"device": "cpu", "threads": options.threads, "log_every": 1, "metrics": [], "checkpoint_every": 10**9}
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        run("ppo-atari", settings, out=f"{folder}/run", host=host)
    peer.close()
    rates = {name: FRAMES / median(seconds) for name, seconds in turns.seconds.items()}
    result = {
        "benchmark": "ppo_speed",
        "threads": options.threads,
        "windows": options.windows,
        "frames_per_second": {name: round(rate, 1) for name, rate in rates.items()},
        "ratio": round(rates["dlplug"] / rates["sb3"], 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
