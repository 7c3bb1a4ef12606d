"""What the loop costs: microseconds a step through `fit`, logging included, beside the same training by hand.

    uv run python tests/benchmarks/overhead.py [--device cuda]

Both train the same small network on the same batches with the same fused optimizer, alternating in one run. Prints
one JSON line; `overhead_us` is the difference of the medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

from dlplug import Data, Labelled, Spec, fit, minimise
from dlplug.training.meter import Meter
from dlplug.training.optimizers import adam
from dlplug.training.stepper import Stepper


class Batches(Data):
    """The same batches again and again, so that only the loop is timed."""

    def __init__(self, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(0)
        self.spec = Spec(input=(32,), output=10)
        self.batch = [
            Labelled(
                torch.randn(64, 32, generator=generator).to(device),
                torch.randint(10, (64,), generator=generator).to(device),
            )
            for _ in range(16)
        ]

    def batches(self, model):
        while True:
            yield from self.batch


def network(device: torch.device) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)


@minimise
def cross_entropy(model, batch):
    """Cross entropy."""
    return F.cross_entropy(model(batch.x), batch.y)


def through_dlplug(data: Batches, device: torch.device, steps: int, log_every: int) -> float:
    loss = cross_entropy(network(device))
    steppers = {"": Stepper(loss.model, adam(loss.model.parameters()))}
    meter = Meter()

    def after(step, updates):
        meter.add(updates)
        if step % log_every == 0:
            meter.flush(step)
        return False

    fit(data, loss, steppers, 50, after=after)
    return timed(lambda: fit(data, loss, steppers, steps, after=after), device) / steps


def by_hand(data: Batches, device: torch.device, steps: int, log_every: int) -> float:
    model = network(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def train(count):
        total = torch.zeros((), device=device)
        for step in range(1, count + 1):
            batch = data.batch[step % 16]
            loss = F.cross_entropy(model(batch.x), batch.y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            total += loss.detach()
            if step % log_every == 0:
                total.item()
                total.zero_()

    train(50)
    return timed(lambda: train(steps), device) / steps


def timed(call, device: torch.device) -> float:
    started = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=500)
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.set_num_threads(1)
    data = Batches(device)
    pairs = []
    for number in range(options.rounds):
        runs = [through_dlplug, by_hand] if number % 2 == 0 else [by_hand, through_dlplug]
        times = {run.__name__: run(data, device, options.steps, 100) for run in runs}
        pairs.append((times["through_dlplug"], times["by_hand"]))
    ours, theirs = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
    result = {
        "benchmark": "overhead",
        "device": options.device,
        "dlplug_us": round(ours, 1),
        "by_hand_us": round(theirs, 1),
        "overhead_us": round(statistics.median(a - b for a, b in pairs) * 1e6, 1),
        "ratio": round(statistics.median(a / b for a, b in pairs), 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
