"""Environment steps per second of `dqn-atari` on a GPU: the emulator alone, and learning with it, eager and graphed.

Every variant plays Pong with Nature's network at 84x84, batch 32 and one update for every 4 steps. Prints one JSON
line; `share_of_emulator` is what learning leaves of the emulator's own speed (the goal is 0.8), and `peak_gb` the most
memory that was taken on the device.

    python tests/benchmarks/gpu_speed.py [--environments 32] [--seconds 20] [--replay 100_000] [--device cuda]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from typing import Any

import numpy as np
import torch
from dlplug_rl.environments.atari import AtariEnvironments

from dlplug import hookimpl
from dlplug.host.plugins import load_host
from dlplug.runs.runner import run


class Clock:
    """An observer that stops a run after so many seconds of learning, the first windows not counted."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.marks = seconds, list[tuple[float, int]]()

    @hookimpl
    def logged(self, run: Any, step: int, values: Any) -> None:
        self.marks.append((time.perf_counter(), int(values["frames"]) // 4))
        run.stopping = run.stopping or (len(self.marks) > 3 and self.marks[-1][0] - self.marks[2][0] > self.seconds)

    def rate(self) -> float:
        (started, first), (ended, last) = self.marks[2], self.marks[-1]
        return (last - first) / (ended - started)


def emulator_alone(environments: int, seconds: float) -> float:
    played = AtariEnvironments("pong", count=environments)
    played.reset()
    actions, steps, started = np.random.default_rng(0).integers(6, size=(100, environments)), 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        played.send(actions[steps % 100])
        played.receive()
        steps += 1
    rate = steps * environments / (time.perf_counter() - started)
    played.close()
    return rate


def learning(options: argparse.Namespace, **settings: Any) -> tuple[float, float]:
    """Steps per second, and the most memory that was taken on the device, in GB."""
    host = load_host(["no:wandb"])
    clock = Clock(options.seconds)
    host.manager.register(clock)
    layer = {
        "data.environments": options.environments,
        "data.replay": options.replay,
        "data.learning_starts": min(options.replay, 20_000),
        "data.train_every": 4,
        "data.epsilon_steps": 1,
        "device": options.device,
        "log_every": 50,
        "metrics": [],
        "frames": 1_000_000_000,
        **settings,
    }
    if options.device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        run("dqn-atari", layer, preset="gpu", out=f"{folder}/run", host=host)
    peak = torch.cuda.max_memory_allocated() / 1e9 if options.device.startswith("cuda") else 0.0
    return clock.rate(), peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each variant")
    parser.add_argument("--replay", type=int, default=100_000)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    alone = emulator_alone(options.environments, options.seconds)
    variants = {"eager": {"graph": False}, "graph": {"graph": True}, "graph_bf16": {"graph": True, "precision": "bf16"}}
    rates = {name: learning(options, **settings) for name, settings in variants.items()}
    best = max(rate for rate, _ in rates.values())
    result = {
        "benchmark": "gpu_speed",
        "device": torch.cuda.get_device_name() if options.device.startswith("cuda") else options.device,
        "emulator_steps_per_second": round(alone),
        "steps_per_second": {name: round(rate) for name, (rate, _) in rates.items()},
        "share_of_emulator": round(best / alone, 3),
        "peak_gb": round(max(peak for _, peak in rates.values()), 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
