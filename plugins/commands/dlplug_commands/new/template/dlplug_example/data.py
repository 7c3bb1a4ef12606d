"""Two interleaved spirals."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import nn

from dlplug import Data, Labelled, NonNegativeFloat, Order, PositiveInt, Spec, to_device


class Spirals(Data):
    """Points of two interleaved spirals in the plane, of one turn each: 500 in each of train, val and test.

    noise: standard deviation of the noise that is added to each coordinate; the spirals are 0.5 apart.
    batch_size: points per batch.
    """

    unit = "points"
    finite = True
    splits = ("val", "test")
    training_options = ("batch_size",)

    def __init__(self, *, noise: NonNegativeFloat = 0.05, batch_size: PositiveInt = 50, seed: int) -> None:
        self.parts = {name: points(500, noise, number) for number, name in enumerate(("train", "val", "test"))}
        self.spec = Spec(input=(2,), output=2, names=("one", "other"))
        self.order = Order(500, batch_size, seed)

    def batches(self, model: nn.Module) -> Iterator[Labelled]:
        device = next(model.parameters()).device
        x, y = (part.to(device) for part in self.parts["train"])
        while True:
            index = to_device(self.order.next(), device)
            self.count += len(index)
            yield Labelled(x[index], y[index])

    def steps_per_epoch(self) -> int:
        return self.order.steps_per_epoch

    def split(self, name: str) -> Labelled:
        return self.parts[name]


def points(count: int, noise: float, seed: int) -> Labelled:
    """Points (count, 2) and the number of the spiral that each lies on (count,)."""
    generator = torch.Generator().manual_seed(seed)
    turn = 2 * math.pi * torch.rand(count, generator=generator).sqrt()
    y = torch.arange(count) % 2
    angle = turn + math.pi * y
    x = torch.stack([angle.cos(), angle.sin()], 1) * turn[:, None] / (2 * math.pi)
    return Labelled(x + noise * torch.randn(count, 2, generator=generator), y)
