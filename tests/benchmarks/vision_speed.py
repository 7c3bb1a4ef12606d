"""Images a second of the Fashion-MNIST recipe: through `dlplug.run`, by a bare torch loop, and by torchvision's way.

    DLPLUG_DATA=… uv run python tests/benchmarks/vision_speed.py [--device cuda] [--workers 2]

All three train the same network by the same fused optimizer and see the same kinds of images, alternating in one run:
- dlplug: `dlplug.run("fashion-cnn")` without its measurements, logging and saving included;
- bare: a loop over the same resident uint8 tensors that calls the same augmentation and reads the loss every 100 steps;
- dataloader: torchvision's dataset and transforms, a DataLoader with `workers` processes, the same loop.

Prints one JSON line: medians over the rounds, and the ratios' medians. The goal is at least 0.97 of the bare loop and
1.5 of the DataLoader's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from dlplug_images.images import Augmentation, Images, scaled
from dlplug_images.sets.mnist_cifar import FashionMNIST
from dlplug_images.sets.reading import read_idx
from dlplug_vision.classification.quick import QuickNet
from torch import Tensor, nn
from torch.utils.data import DataLoader

import dlplug
from dlplug.downloads import data_folder
from dlplug.host.plugins import load_host
from dlplug.recipes import as_use

BATCH = 128
RECIPE = load_host().recipe("fashion-cnn")
DATA, MODEL, LOSS, SGD = (as_use(part).options for part in (RECIPE.data, RECIPE.model, RECIPE.loss, RECIPE.optimizer))


def through_dlplug(options: argparse.Namespace) -> float:
    overlay = {"device": options.device, "threads": options.threads, "images": options.images, "metrics": []}
    overlay |= {"console.show": "off", "tensorboard.write": "off"}
    if "wandb" in load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    with tempfile.TemporaryDirectory() as folder:
        return dlplug.run("fashion-cnn", overlay, out=f"{folder}/run").result["images_per_second"]


def by_bare_loop(options: argparse.Namespace, data: Images) -> float:
    device = torch.device(options.device)
    images, y = (part.to(device) for part in data.parts["train"])
    fill = torch.tensor(data.spec.mean, device=device)[:, None, None]
    generator = torch.Generator(device).manual_seed(0)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            for index in torch.randperm(len(images), device=device).split(BATCH)[:-1]:
                yield data.augmented(scaled(images[index]), fill, generator), y[index]

    return rate(options, data, batches())


def by_dataloader(options: argparse.Namespace, data: Images, loader: Iterable) -> float:
    device = torch.device(options.device)

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            for x, y in loader:
                yield x.to(device, non_blocking=True), y.to(device, non_blocking=True)

    return rate(options, data, batches())


def rate(options: argparse.Namespace, data: Images, batches: Iterator[tuple[Tensor, Tensor]]) -> float:
    """Images a second of the loop that everybody writes."""
    torch.manual_seed(0)
    model: nn.Module = QuickNet(data.spec, **MODEL).to(options.device)
    known = {"momentum": SGD["momentum"], "nesterov": SGD["nesterov"], "weight_decay": SGD["weight_decay"]}
    optimizer = torch.optim.SGD(model.parameters(), lr=SGD["learning_rate"], fused=True, **known)
    steps = options.images // BATCH
    total = torch.zeros((), device=options.device)
    started = time.perf_counter()
    for step, (x, y) in zip(range(1, steps + 1), batches, strict=False):
        loss = F.cross_entropy(model(x), y, label_smoothing=LOSS["smoothing"])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        total += loss.detach()
        if step % 100 == 0:
            total.item()
            total.zero_()
    if options.device != "cpu":
        torch.cuda.synchronize()
    return steps * BATCH / (time.perf_counter() - started)


def torchvision_loader(workers: int) -> DataLoader:
    from torchvision import datasets, transforms

    dataset, _ = read_idx(datasets.FashionMNIST, data_folder())
    crop = [transforms.RandomCrop(28, padding=DATA["crop"])] if DATA.get("crop") else []
    flip = [transforms.RandomHorizontalFlip()] if DATA.get("flip") else []
    dataset.transform = transforms.Compose([*crop, *flip, transforms.ToTensor()])
    return DataLoader(dataset, BATCH, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = FashionMNIST(augmentation=Augmentation(**{"batch_size": BATCH, **DATA}), seed=0)
    loader = torchvision_loader(options.workers)
    ways: dict[str, Callable[[argparse.Namespace], float]] = {
        "dlplug": through_dlplug,
        "bare": lambda options: by_bare_loop(options, data),
        "dataloader": lambda options: by_dataloader(options, data, loader),
    }
    for way in ways.values():  # what only the first of them would pay for
        way(argparse.Namespace(**{**vars(options), "images": 10 * BATCH}))
    rounds = []
    for number in range(options.rounds):
        order = list(ways)[number % 3 :] + list(ways)[: number % 3]
        rounds.append({name: ways[name](options) for name in order})
    result = {"benchmark": "vision_speed", "device": options.device, "threads": options.threads}
    result |= {"workers": options.workers, "images": options.images, "rounds": options.rounds}
    result |= {f"{name}_images_per_second": round(statistics.median(r[name] for r in rounds)) for name in ways}
    result |= {
        f"ratio_to_{name}": round(statistics.median(r["dlplug"] / r[name] for r in rounds), 3)
        for name in ("bare", "dataloader")
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
