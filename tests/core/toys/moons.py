"""One loss: a classifier of points in two moons."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from dlplug import Data, Labelled, Order, Spec, Text, minimise

from .devices import device_of, on


class Moons(Data):
    """Two half circles.

    size: how many points.
    noise: deviation of the points from their half circle.
    batch_size: points a batch.
    """

    unit = "points"
    finite = True
    splits = ("val", "test")

    def __init__(self, *, size: int = 512, noise: float = 0.1, batch_size: int = 32, seed: int) -> None:
        self.order = Order(size, batch_size, seed)
        generator = torch.Generator().manual_seed(seed)
        angle = torch.rand(3 * size, generator=generator) * torch.pi
        y = (torch.arange(3 * size) % 2).long()
        side = 1.0 - 2.0 * y
        x = torch.stack([side * angle.cos() + y, side * angle.sin() + 0.5 * y], 1)
        x += noise * torch.randn(x.shape, generator=generator)
        self.parts = {name: (x[i::3], y[i::3]) for i, name in enumerate(("train", "val", "test"))}
        self.spec = Spec(input=(2,), output=2)

    def batches(self, model):
        x, y = on(device_of(model), *self.parts["train"])
        while True:
            index = self.order.next().to(x.device)
            self.count += len(index)
            yield Labelled(x[index], y[index])

    def steps_per_epoch(self):
        return self.order.steps_per_epoch

    def split(self, name):
        return Labelled(*self.parts[name])


class Mlp(nn.Sequential):
    """A hidden layer of tanh.

    width: of the hidden layer.
    dropout: probability of dropping a hidden number.
    """

    def __init__(self, spec: Spec, *, width: int = 32, dropout: float = 0.0) -> None:
        super().__init__(nn.Linear(spec.input[0], width), nn.Tanh(), nn.Dropout(dropout), nn.Linear(width, spec.output))


@minimise
def cross_entropy(model, batch, *, smoothing: float = 0.0):
    """Cross entropy.

    smoothing: of the labels.
    """
    logits = model(batch.x)
    accuracy = (logits.argmax(1) == batch.y).float().mean()
    return F.cross_entropy(logits, batch.y, label_smoothing=smoothing), {"accuracy": accuracy}


def accuracy(product, data):
    """The share of right answers."""
    x, y = on(device_of(product), *data)
    right = (product(x).argmax(1) == y).float().mean().item()
    return {"accuracy": right, "note": Text(f"{right:.3f} of {len(data.y)}")}
