"""Sequences a second that a Neural Turing Machine learns to copy from: this project's cell, and the way of the ports.

    uv run python tests/benchmarks/memory_speed.py [--compile] [--device cuda --graph]

All train the same weights on the same copy task (one length), with the same loss and optimizer, alternating in one run:
- dlplug: `dlplug_memory.ntm.model.NTM`, a few batched kernels a step;
- ports: the paper's equations as the best-known ports write them (carpedm20's, loudinthecloud's pytorch-ntm):
  a matrix for each of a head's parameters, a loop over the batch, and one over the slots where a weighting is shifted;
- batch_loop: the same with the convolution in one call, so that only the loop over the batch is left.

With --compile: dlplug's cell through torch.compile too. With --graph, on a GPU: `dlplug run ntm-copy` with and without
CUDA graphs. Before anything is timed, all ways are checked to give the same answers.

Prints one JSON line: medians over the rounds and the medians of the ratios. The goals are at least 5 times the ports at
batch 16, and 8 times eager steps by graphs.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from dlplug_memory.cells.content import EPSILON
from dlplug_memory.losses import bit_cross_entropy
from dlplug_memory.ntm.model import BLANK, NTM
from dlplug_memory.tasks.copying import Copy
from dlplug_memory.tasks.task import TaskOptions
from torch import Tensor, nn

import dlplug
from dlplug.host.plugins import load_host
from dlplug.recipes import as_use

RECIPE = load_host().recipe("ntm-copy")
RATE = as_use(RECIPE.optimizer).options["learning_rate"]  # pyright: ignore[reportArgumentType]


class Port(nn.Module):
    """Equations 1 to 9 of the paper, sequence by sequence, with the weights of an NTM that has one reading and one
    writing head and a feed-forward controller. slots: loops over the slots too."""

    def __init__(self, model: NTM, slots: bool) -> None:
        super().__init__()
        self.layer, self.heads, self.answer = model.cell.controller.layer, model.cell.heads, model.answer
        self.count, self.word, self.slots = model.cell.slots, model.cell.word, slots

    def parameter(self, h: Tensor, *rows: slice) -> list[Tensor]:
        """Each of a head's parameters by a matrix of its own: rows of the one that this project has."""
        return [F.linear(h, self.heads.weight[row], self.heads.bias[row]) for row in rows]

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.sequence(one) for one in x])

    def sequence(self, x: Tensor) -> Tensor:
        """x (T, inputs) gives logits (T, answers)."""
        width = self.word
        memory = x.new_full((self.count, width), BLANK)
        weights = [F.one_hot(torch.tensor(0), self.count).float() for _ in range(2)]
        read, answers = x.new_zeros(width), []
        for x_t in x:
            h = torch.tanh(self.layer(torch.cat([x_t, read])))
            for head in range(2):
                at = 3 * width
                (key,) = self.parameter(h, slice(head * width, (head + 1) * width))
                (gate,) = self.parameter(h, slice(at + head, at + head + 1))
                at += 2 + width
                strength, power = self.parameter(
                    h, slice(at + head, at + head + 1), slice(at + 2 + head, at + 3 + head)
                )
                at += 4
                (moves,) = self.parameter(h, slice(at + 3 * head, at + 3 * head + 3))
                weights[head] = self.address(
                    memory, weights[head], torch.tanh(key), F.softplus(strength), torch.sigmoid(gate),
                    moves.softmax(0), 1 + F.softplus(power),
                )  # fmt: skip
            read = weights[0] @ memory
            add, erase = self.parameter(h, slice(2 * width, 3 * width), slice(3 * width + 2, 4 * width + 2))
            erased = memory * (1 - torch.outer(weights[1], torch.sigmoid(erase)))
            memory = erased + torch.outer(weights[1], torch.tanh(add))
            answers.append(self.answer(torch.cat([h, read])))
        return torch.stack(answers)

    def address(
        self,
        memory: Tensor,
        previous: Tensor,
        key: Tensor,
        strength: Tensor,
        gate: Tensor,
        moves: Tensor,
        power: Tensor,
    ) -> Tensor:
        length = ((key**2).sum() + EPSILON).sqrt() * ((memory**2).sum(1) + EPSILON).sqrt()
        content = (strength * (memory @ key) / length).softmax(0)
        weights = gate * content + (1 - gate) * previous
        if self.slots:
            count = self.count
            around = [torch.stack([weights[i - 1], weights[i], weights[(i + 1) % count]]) for i in range(count)]
            weights = torch.stack([(near * moves.flip(0)).sum() for near in around])
        else:
            ring = torch.cat([weights[-1:], weights, weights[:1]])
            weights = F.conv1d(ring.view(1, 1, -1), moves.flip(0).view(1, 1, -1)).view(-1)
        weights = (weights + 1e-16) ** power
        return weights / weights.sum()


def rate(model: nn.Module, data: Copy, batches: int, device: str) -> float:
    """Sequences a second of the loop that everybody writes."""
    loss = bit_cross_entropy(model)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=RATE, momentum=0.9, alpha=0.95, foreach=True)
    stream = data.batches(model)
    started = time.perf_counter()
    for _ in range(batches):
        for update in loss.updates(next(stream)):
            update.loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    if device != "cpu":
        torch.cuda.synchronize()
    return batches * data.batch_size / (time.perf_counter() - started)


def ways(options: argparse.Namespace, batch: int) -> Iterator[tuple[str, Callable[[], float]]]:
    data = Copy(options=TaskOptions(batch_size=batch), min_length=options.length, max_length=options.length, seed=0)
    torch.manual_seed(0)
    model = NTM(data.spec).to(options.device)
    nets: dict[str, nn.Module] = {"dlplug": model, "ports": Port(model, True), "batch_loop": Port(model, False)}
    if options.compile:
        nets["compiled"] = copy.deepcopy(model)
        nets["compiled"].compile()
    x = next(data.batches(model)).x[:1]
    with torch.no_grad():
        for name, net in nets.items():
            torch.testing.assert_close(net(x), model(x), atol=1e-4, rtol=1e-3, msg=f"{name} answers otherwise")
    for name, net in nets.items():
        # the ports are so slow that a few batches tell
        count = max(1, options.batches // (20 if name in ("ports", "batch_loop") and batch > 1 else 1))
        yield name, lambda net=net, count=count: rate(net, data, count, options.device)


def by_recipe(options: argparse.Namespace, graph: bool) -> float:
    """Sequences a second of `dlplug run ntm-copy`, without its measurements."""
    overlay = {"device": options.device, "sequences": 200 * 16, "metrics": [], "data.pad": True, "graph": graph}
    overlay |= {"console.show": "off", "tensorboard.write": "off", "threads": options.threads}
    if "wandb" in load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    with tempfile.TemporaryDirectory() as folder:
        return dlplug.run("ntm-copy", overlay, out=f"{folder}/run").result["sequences_per_second"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--length", type=int, default=10)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--graph", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    result: dict[str, object] = {"benchmark": "memory_speed", "device": options.device, "threads": options.threads}
    result |= {"length": options.length, "batches": options.batches, "rounds": options.rounds}
    for batch in (16, 1):
        timed = dict(ways(options, batch))
        if options.graph and batch == 16:
            timed |= {"eager": lambda: by_recipe(options, False), "graph": lambda: by_recipe(options, True)}
        rounds = [{name: way() for name, way in timed.items()} for _ in range(options.rounds + 1)][
            1:
        ]  # after one to warm
        for name in timed:
            result[f"{name}_{batch}"] = round(statistics.median(r[name] for r in rounds), 2)
        for name in ("ports", "batch_loop"):
            ratio = statistics.median(r["dlplug"] / r[name] for r in rounds)
            result[f"ratio_to_{name}_{batch}"] = round(ratio, 2)
        for name, base in (("compiled", "dlplug"), ("graph", "eager")):
            if name in timed:
                result[f"ratio_{name}_{batch}"] = round(statistics.median(r[name] / r[base] for r in rounds), 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
