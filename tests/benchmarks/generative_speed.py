"""Updates a second of a variational autoencoder and of WGAN-GP: through `dlplug.run`, and by bare torch loops.

    DLPLUG_DATA=… uv run python tests/benchmarks/generative_speed.py [--device cuda] [--steps 200]

Both ways train the recipes `vae-mnist` and `wgan-gp-fashion`, alternating in one run:
- dlplug: `dlplug.run` without its measurements, logging and saving included;
- bare: loops over the same resident images, which call the same networks and fused optimizers and write the loss out
  where it is made; the critic's steps and the generator's are each an update. Both read the losses every 100 steps.

Prints one JSON line: medians over the rounds, and the ratios' medians. The goal is at least 0.97 of the bare loops.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from dlplug_generative.vae.binarise import binarised
from torch import Tensor, nn

import dlplug
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.options.reading import Config

HOST = load_host()
Bare = Callable[[Config, Any, argparse.Namespace], float]


def through_dlplug(recipe: str, options: argparse.Namespace) -> float:
    with tempfile.TemporaryDirectory() as folder:
        run = dlplug.run(recipe, overlay(options), out=f"{folder}/run", host=HOST)
        return updates_of(resolve(HOST, recipe, [overlay(options)]), run.result["steps"]) / run.result["seconds"]


def overlay(options: argparse.Namespace) -> dict[str, Any]:
    quiet: dict[str, Any] = {"console.show": "off", "tensorboard.write": "off", "metrics": [], "log_every": 100}
    if "wandb" in HOST.names("observers"):
        quiet["wandb.mode"] = "off"
    return {**quiet, "device": options.device, "threads": options.threads, "steps": options.steps}


def updates_of(config: Config, steps: int) -> int:
    """Steps of any optimizer: one for each batch, and one of a generator for so many of the critic's."""
    return steps + steps // config["loss.critic_steps"] if "loss.critic_steps" in config else steps


def bare_vae(config: Config, data: Any, options: argparse.Namespace) -> float:
    """-ELBO of binarised pictures."""
    model = built(config, data, options)
    step = optimizer(model, config, "optimizer")
    total = torch.zeros((), device=options.device)
    started = time.perf_counter()
    for count, (images, _) in zip(range(1, options.steps + 1), shuffled(data, options), strict=False):
        x = binarised(images, config["loss.binarisation"]).flatten(1)
        mean, log_variance = model.encoder((x.view_as(images) - model.mean) / model.deviation).chunk(2, 1)
        logits = model.decoder(mean + (0.5 * log_variance).exp() * torch.randn_like(mean)).flatten(1)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        loss = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean() + kl
        step(loss)
        total += loss.detach()
        read(total, count)
    finish(options)
    return options.steps / (time.perf_counter() - started)


def bare_wgan_gp(config: Config, data: Any, options: argparse.Namespace) -> float:
    """Gulrajani et al. 2017, algorithm 1, with an averaged generator."""
    model = built(config, data, options)
    averaged = [p.detach().clone() for p in model.generator.state_dict().values() if p.is_floating_point()]
    of_critic, of_generator = (optimizer(getattr(model, p), config, f"optimizer.{p}") for p in ("critic", "generator"))
    every, decay = config["loss.critic_steps"], config["loss.average"]
    total = torch.zeros((), device=options.device)
    started = time.perf_counter()
    for count, (images, _) in zip(range(1, options.steps + 1), shuffled(data, options), strict=False):
        real = 2 * images - 1
        fake = model.generator(torch.randn(len(real), model.generator.size, device=real.device))
        made = fake.detach()
        distance = model.critic(real).mean() - model.critic(made).mean()
        between = (made + torch.rand(len(real), 1, 1, 1, device=real.device) * (real - made)).requires_grad_()
        (slope,) = torch.autograd.grad(model.critic(between).sum(), between, create_graph=True)
        loss = 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean() - distance
        of_critic(loss)
        if count % every == 0:
            of_generator(-model.critic(fake).mean())
            weights = [p.detach() for p in model.generator.state_dict().values() if p.is_floating_point()]
            torch._foreach_lerp_(averaged, weights, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        total += loss.detach()
        read(total, count)
    finish(options)
    return updates_of(config, options.steps) / (time.perf_counter() - started)


def built(config: Config, data: Any, options: argparse.Namespace) -> Any:
    torch.manual_seed(0)
    known = {key.removeprefix("model."): value for key, value in config.items() if key.startswith("model.")}
    return HOST.get("models", config["model"]).load()(data.spec, **known).to(options.device).train()


def optimizer(part: nn.Module, config: Config, where: str) -> Callable[[Tensor], None]:
    """Moves a part of a model by a loss. The rate stays as it is: a schedule costs next to nothing."""
    betas = (config[f"{where}.beta1"], config[f"{where}.beta2"])
    parameters = [p for p in part.parameters() if p.requires_grad]
    adam = torch.optim.Adam(parameters, lr=config[f"{where}.learning_rate"], betas=betas, fused=True)

    def step(loss: Tensor) -> None:
        loss.backward(inputs=parameters)
        adam.step()
        adam.zero_grad(set_to_none=True)

    return step


def shuffled(data: Any, options: argparse.Namespace) -> Iterator[tuple[Tensor, Tensor]]:
    """Images (B, C, H, W) in [0, 1] and their classes, gathered where the whole set lies."""
    images, y = (part.to(options.device) for part in data.parts["train"])
    while True:
        for index in torch.randperm(len(images)).split(data.order.batch_size)[:-1]:
            index = index.to(options.device)
            x = images[index].permute(0, 3, 1, 2).float().div_(255)
            yield x.contiguous(memory_format=torch.channels_last), y[index]


def read(total: Tensor, count: int) -> None:
    if count % 100 == 0:
        total.item()
        total.zero_()


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
    result: dict[str, Any] = {"benchmark": "generative_speed", "device": options.device, "threads": options.threads}
    result |= {"steps": options.steps, "rounds": options.rounds}
    kinds: dict[str, tuple[str, Bare]] = {"vae": ("vae-mnist", bare_vae), "wgan_gp": ("wgan-gp-fashion", bare_wgan_gp)}
    for kind, (recipe, bare) in kinds.items():
        rounds = measured(recipe, bare, options)
        for way in ("dlplug", "bare"):
            result[f"{kind}_{way}_updates_per_second"] = round(statistics.median(r[way] for r in rounds), 1)
        result[f"{kind}_ratio"] = round(statistics.median(r["dlplug"] / r["bare"] for r in rounds), 3)
    print(json.dumps(result))


def measured(recipe: str, bare: Bare, options: argparse.Namespace) -> list[dict[str, float]]:
    """Updates a second of each way in each round; the first of a round is the other one each time."""
    config = resolve(HOST, recipe, [overlay(options)])
    known = {key.removeprefix("data."): value for key, value in config.items() if key.startswith("data.")}
    data = HOST.get("data", config["data"]).load()(**known, seed=0)
    ways = {"dlplug": lambda o: through_dlplug(recipe, o), "bare": lambda o: bare(config, data, o)}
    for way in ways.values():  # what only the first of them would pay for
        way(argparse.Namespace(**{**vars(options), "steps": 5}))
    rounds = []
    for number in range(options.rounds):
        order = ["dlplug", "bare"] if number % 2 else ["bare", "dlplug"]
        rounds.append({name: ways[name](options) for name in order})
    return rounds


if __name__ == "__main__":
    main()
