"""Images a second of detection's recipes: through `dlplug.run` and by a bare torch loop, alternating in one run.

    uv run python tests/benchmarks/detection_training.py [canvas-yolo …] [--steps 20] [--rounds 5]

Both train the same network with the same fused optimizer on the same batches; the bare loop reads the loss as often as
the recipe logs. dlplug's side is a whole run without its evaluation: logging, the files of the run folder and the last
checkpoint are included. Prints one JSON line for each recipe: medians over the rounds. The goal is a ratio of at least
0.97.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from typing import Any

import torch

import dlplug
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.recipes import as_use

RECIPES = ["canvas-yolo", "canvas-unet"]
QUIET = {"metrics": [], "console.show": "off", "tensorboard.write": "off", "device": "cpu"}


def through_dlplug(name: str, steps: int, threads: int) -> float:
    overlay = {**QUIET, "threads": threads, "images": steps * batch_size(name)}
    if "wandb" in load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    with tempfile.TemporaryDirectory() as folder:
        return dlplug.run(name, overlay, out=f"{folder}/run").result["images_per_second"]


def by_bare_loop(name: str, steps: int) -> float:
    """The loop that everybody writes."""
    host, config = load_host(), resolve(load_host(), name, [])
    data = built(host, "data", name, config)
    torch.manual_seed(0)
    model = built(host, "models", name, config, data.spec)
    loss = built(host, "losses", name, config, model)
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=config["optimizer.learning_rate"],
        weight_decay=config["optimizer.weight_decay"],
        fused=True,
    )
    total = torch.zeros(())
    started = time.perf_counter()
    for step, batch in zip(range(1, steps + 1), data.batches(model), strict=False):
        for update in loss.updates(batch):
            update.loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            total += update.loss.detach()
        if step % config["log_every"] == 0:
            total.zero_()
    return steps * batch_size(name) / (time.perf_counter() - started)


def built(host: Any, kind: str, name: str, config: dict[str, Any], *arguments: Any) -> Any:
    """A recipe's data, model or loss, with its options."""
    part = {"data": "data", "models": "model", "losses": "loss"}[kind]
    entry = host.get(kind, as_use(getattr(host.recipe(name), part)).name)
    options = {key.removeprefix(f"{part}."): value for key, value in config.items() if key.startswith(f"{part}.")}
    return entry.load()(*arguments, **entry.signature().arguments(options, seed=0, run=None))


def batch_size(name: str) -> int:
    return resolve(load_host(), name, [])["data.batch_size"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.recipes:
        rounds = []
        for number in range(options.rounds + 1):
            pair = {}
            for way in ("dlplug", "bare") if number % 2 else ("bare", "dlplug"):
                if way == "bare":
                    pair[way] = by_bare_loop(name, options.steps)
                else:
                    pair[way] = through_dlplug(name, options.steps, options.threads)
            rounds.append(pair)
        rounds = rounds[1:]  # the first pays for what is done once
        result: dict[str, Any] = {"benchmark": "detection_training", "recipe": name, "threads": options.threads}
        result |= {"steps": options.steps, "rounds": options.rounds}
        for way in ("dlplug", "bare"):
            result[f"{way}_images_per_second"] = round(statistics.median(pair[way] for pair in rounds), 1)
        result["ratio_to_bare"] = round(statistics.median(pair["dlplug"] / pair["bare"] for pair in rounds), 3)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
