"""What the trainer itself costs: each of the five kinds of training of tests/core/toys, beside the same by hand.

    uv run python tests/benchmarks/overhead.py [--kinds toy-moons toy-gan] [--steps 3000] [--device cuda]

Each batch is learnt from twice, by the run and by plain torch code with the same optimizer, the same logged means and
the same random numbers, in turns; after every 100 steps the two models must be equal bit for bit. The nets are tiny, so
that nearly all of a step is overhead, of torch or of the trainer. `loop` is `fit` with a meter; `run` is all that
`dlplug run` does between two batches: also progress, schedules, the log and its observers. Drawing a batch, which both
share, is in neither.

Prints one JSON line for each kind: microseconds a step as medians over blocks of 100 steps, of which one logs, and the
medians of the blocks' differences and ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import torch
from peers import by_hand
from torch import nn

from dlplug import Data, Update, fit, hookimpl
from dlplug.host.plugins import load_host
from dlplug.runs.run import Run
from dlplug.runs.runner import run
from dlplug.training.checkpoint import random_state, set_random_state
from dlplug.training.meter import Meter
from dlplug.training.session import Training

TOYS = Path(__file__).parents[1] / "core" / "toys"
KINDS = {
    "toy-moons": by_hand.classifier,
    "toy-gan": by_hand.wgan_gp,
    "toy-ddpm": by_hand.ddpm,
    "toy-lstm": by_hand.lstm,
    "toy-dqn": by_hand.dqn,
}
BLOCK = 100  # steps between two log lines


class Beside:
    """A plugin that trains a run, and by hand beside it. seconds: of each step, (the run's, by hand)."""

    def __init__(self, kind: str, steps: int, whole: bool) -> None:
        self.write, self.steps, self.whole = KINDS[kind], steps, whole
        self.seconds: list[tuple[float, float]] = []

    @hookimpl
    def train(self, run: Run) -> bool:
        trainer = run.make("trainer")
        job = trainer.build(run)
        job.data.batches = self.alternating(job.data, job.model)
        training = Training(trainer, run, job)
        if self.whole:
            training.train()
        else:
            learn_alone(training, self.steps)
        return True

    def alternating(self, data: Data, model: nn.Module) -> Callable[[nn.Module], Iterator[Any]]:
        """`data.batches`, with a step by hand before or after each that the trainer takes."""
        batches, other = data.batches, copy.deepcopy(model)
        by_hand_step, means = self.write(other, self.steps), by_hand.Means(BLOCK)

        def timed(batch: Any) -> float:
            started = clock(batch)
            means.add(by_hand_step(batch))
            return clock(batch) - started

        def alternate(model: nn.Module) -> Iterator[Any]:
            for number, batch in enumerate(batches(model), 1):
                random = random_state()
                theirs = timed(batch) if number % 2 else 0.0
                set_random_state(random)
                started = clock(batch)
                yield batch
                ours = clock(batch) - started
                if not theirs:
                    set_random_state(random)
                    theirs = timed(batch)
                self.seconds.append((ours, theirs))
                if number % BLOCK == 0 and not by_hand.same(model.parameters(), other.parameters()):
                    raise AssertionError(f"the two trainings differ after {number} steps")

        return alternate


def learn_alone(training: Training, steps: int) -> None:
    """The loop and the means of what it logs, without the rest of a run."""
    job, meter = training.job, Meter()

    def after(step: int, updates: list[Update]) -> bool:
        meter.add(updates)
        if step % BLOCK == 0:
            meter.flush(step)
        return False

    fit(job.data, job.loss, training.steppers, steps, before=lambda step: schedule(training, step / steps), after=after)


def schedule(training: Training, progress: float) -> None:
    for stepper in training.steppers.values():
        stepper.set_progress(progress)


def clock(batch: Any) -> float:
    """On a CPU the process's own seconds, one thread's, so that other programs do not count."""
    if batch[0].is_cuda:
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def measure(kind: str, whole: bool, steps: int, device: str) -> list[tuple[float, float]]:
    """Microseconds a step of each block, (through dlplug, by hand), without the first block."""
    host = load_host([str(TOYS), "no:wandb"])
    beside = Beside(kind, steps, whole)
    host.manager.register(beside)
    options = {
        "steps": steps, "metrics": [], "log_every": BLOCK, "eval_every": 0, "checkpoint_every": 10**9, "device": device
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        run(kind, options, out=f"{folder}/run", host=host)
    blocks = [beside.seconds[i : i + BLOCK] for i in range(BLOCK, steps - BLOCK, BLOCK)]
    return [(sum(a for a, _ in block) / BLOCK * 1e6, sum(b for _, b in block) / BLOCK * 1e6) for block in blocks]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS], default=[*KINDS])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    for kind in options.kinds:
        result: dict[str, Any] = {"benchmark": "overhead", "kind": kind, "device": options.device}
        for path in ("loop", "run"):
            pairs = measure(kind, path == "run", options.steps, options.device)
            result |= {
                f"{path}_us": round(median(ours for ours, _ in pairs), 1),
                f"{path}_by_hand_us": round(median(theirs for _, theirs in pairs), 1),
                f"{path}_overhead_us": round(median(ours - theirs for ours, theirs in pairs), 1),
                f"{path}_ratio": round(median(ours / theirs for ours, theirs in pairs), 3),
            }
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
