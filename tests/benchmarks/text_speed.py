"""Tokens a second of nanoGPT's CPU configuration: learning through `dlplug.run` beside a bare loop, and writing with
the cache of keys and values beside writing without it.

    DLPLUG_DATA=… uv run python tests/benchmarks/text_speed.py [--device cuda] [--steps 200]

All ways train or use the same network, alternating in one run:
- dlplug: `dlplug.run("shakespeare-gpt", preset="cpu")` without its measurements, logging and saving included;
- bare: a loop that draws windows from the same tokens, takes the same optimizer, and reads the loss every 100 steps;
- cached, uncached: an untrained network of the same size writes its context full, the last token of it included.

Prints one JSON line: medians over the rounds, and the ratios' medians. The goal is at least 0.97 of the bare loop.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import islice

import torch
import torch.nn.functional as F
from dlplug_text.data.streams import TextOptions
from dlplug_text.data.texts import TinyShakespeare
from dlplug_text.language.generation import generate
from dlplug_text.language.gpt import GPT

import dlplug
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve

HOST = load_host()
CONFIG = resolve(HOST, "shakespeare-gpt", [], "cpu")
MODEL = {key.removeprefix("model."): value for key, value in CONFIG.items() if key.startswith("model.")}
WINDOW, BATCH = CONFIG["data.window"], CONFIG["data.batch_size"]


def through_dlplug(options: argparse.Namespace) -> float:
    overlay = {"device": options.device, "threads": options.threads, "steps": options.steps, "metrics": []}
    overlay |= {"console.show": "off", "tensorboard.write": "off"}
    if "wandb" in HOST.names("observers"):
        overlay["wandb.mode"] = "off"
    with tempfile.TemporaryDirectory() as folder:
        run = dlplug.run("shakespeare-gpt", overlay, preset="cpu", out=f"{folder}/run")
        return run.result["tokens_per_second"]


def by_bare_loop(options: argparse.Namespace, data: TinyShakespeare) -> float:
    """The loop that everybody writes, with nanoGPT's two groups of weights."""
    torch.manual_seed(0)
    model = GPT(data.spec, **MODEL).to(options.device)
    known = {"betas": (CONFIG["optimizer.beta1"], CONFIG["optimizer.beta2"]), "fused": True}
    optimizer = torch.optim.AdamW(
        model.parameter_groups(),
        lr=CONFIG["optimizer.learning_rate"],
        weight_decay=CONFIG["optimizer.weight_decay"],
        **known,
    )
    tokens, within = data.training.to(options.device), torch.arange(WINDOW, device=options.device)
    total = torch.zeros((), device=options.device)
    started = time.perf_counter()
    for step in range(1, options.steps + 1):
        index = torch.randint(len(tokens) - WINDOW, (BATCH, 1), device=options.device) + within
        logits, _ = model(tokens[index])
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[index + 1].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CONFIG["optimizer.clip_norm"])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        total += loss.detach()
        if step % 100 == 0:
            total.item()
            total.zero_()
    finish(options)
    return options.steps * BATCH * WINDOW / (time.perf_counter() - started)


def by_writing(options: argparse.Namespace, data: TinyShakespeare, cache: bool) -> float:
    torch.manual_seed(0)
    model = GPT(data.spec, **MODEL).to(options.device).eval()
    count = WINDOW * max(1, options.steps // 100)
    written = generate(model, [0], 1.0, 0, torch.Generator().manual_seed(0), cache)
    started = time.perf_counter()
    for _ in islice(written, count):
        pass
    finish(options)
    return count / (time.perf_counter() - started)


def finish(options: argparse.Namespace) -> None:
    if options.device != "cpu":
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = TinyShakespeare(options=TextOptions(window=WINDOW, batch_size=BATCH), seed=0)
    ways: dict[str, Callable[[argparse.Namespace], float]] = {
        "dlplug": through_dlplug,
        "bare": lambda options: by_bare_loop(options, data),
        "cached": lambda options: by_writing(options, data, cache=True),
        "uncached": lambda options: by_writing(options, data, cache=False),
    }
    for way in ways.values():  # what only the first of them would pay for
        way(argparse.Namespace(**{**vars(options), "steps": 5}))
    rounds = []
    for number in range(options.rounds):
        order = list(ways)[number % len(ways) :] + list(ways)[: number % len(ways)]
        rounds.append({name: ways[name](options) for name in order})
    result = {"benchmark": "text_speed", "device": options.device, "threads": options.threads}
    result |= {"steps": options.steps, "rounds": options.rounds}
    result |= {f"{name}_tokens_per_second": round(statistics.median(r[name] for r in rounds)) for name in ways}
    for one, other in (("dlplug", "bare"), ("cached", "uncached")):
        result[f"{one}_to_{other}"] = round(statistics.median(r[one] / r[other] for r in rounds), 3)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
