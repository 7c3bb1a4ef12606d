"""A run without its core, for the tests: what an observer is shown of it, from start to finish.

    python training.py FOLDER '{"mode": "offline", "steps": 30, …}'

Started as a process of its own, since wandb reads its environment once. Prints one JSON line of what was measured;
the lines meant for the user go to standard error.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from dlplug_wandb.observer import Wandb

from dlplug.errors import UserError
from dlplug.media import Image, Text, Video


@dataclass
class StandIn:
    """The attributes of dlplug's Run that an observer may read."""

    folder: Path
    recipe: str = "toy"
    seed: int = 7
    unit: str = "frames"
    resumed: bool = False
    config: dict[str, Any] = field(default_factory=dict)


def media(folder: Path) -> dict[str, Any]:
    """One of each, written where a run writes them."""
    folder.mkdir(exist_ok=True)
    pixels = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    drawn = {
        "eval/picture": Image(pixels, "a picture"),
        "eval/film": Video(np.stack([pixels] * 4), 4, "a film"),
        "eval/words": Text("to be <or> not", "a text"),
    }
    for name, value in drawn.items():
        value.path = folder / f"{name.replace('/', '-')}{value.suffix}"
        value.write(value.path)
    return drawn


def train(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    """options: mode; config; first and steps: where the run starts and ends; every: logged how often; media: whether to
    log some; pause: after the last step, until a line is read; status: how it ends; limits: wandb's seconds to start
    and to finish."""
    if "limits" in options:
        from dlplug_wandb import session

        session.INIT_SECONDS, session.FINISH_SECONDS = options["limits"]
    started = time.perf_counter()
    observer = Wandb(mode=options.get("mode", "auto"))
    decided = time.perf_counter() - started
    first, steps = options.get("first", 0), options.get("steps", 30)
    run = StandIn(folder, resumed=first > 0, config=options.get("config", {"data": "atari", "data.game": "pong"}))
    started = time.perf_counter()
    observer.run_started(run)  # type: ignore[arg-type]
    begun = time.perf_counter() - started
    calls = []
    for step in range(first + 10, steps + 1, options.get("every", 10)):
        values: dict[str, Any] = {"seconds": step / 2, "frames": 4 * step, "train/loss": 1.0 / step}
        if step == steps and options.get("media"):
            values |= media(folder / "media")
        started = time.perf_counter()
        observer.logged(run, step, values)  # type: ignore[arg-type]
        calls.append(time.perf_counter() - started)
    checkpoint = folder / "checkpoints" / f"last-{steps:09d}"
    checkpoint.mkdir(parents=True, exist_ok=True)
    (checkpoint / "weights.safetensors").write_bytes(b"weights at %d" % steps)
    (folder / "config.yaml").write_text("recipe: toy\n")
    print("trained", flush=True)
    if options.get("pause"):
        sys.stdin.readline()
    started = time.perf_counter()
    result = {"recipe": run.recipe, "seed": run.seed, "status": options.get("status", "finished"), "steps": steps}
    observer.run_finished(run, result | {"metrics": {"test/accuracy": 0.75}, "seconds": 1.0})  # type: ignore[arg-type]
    finished = time.perf_counter() - started
    return {
        "decided": decided,
        "begun": begun,
        "slowest": max(calls),
        "median": sorted(calls)[len(calls) // 2],
        "finished": finished,
        "imported": "wandb" in sys.modules,
    }


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        print(json.dumps(train(Path(sys.argv[1]), json.loads(sys.argv[2]))))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
